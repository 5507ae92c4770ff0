"""Playbooks: which alerts they are for, what is collected, which findings may lead to which mitigation."""
