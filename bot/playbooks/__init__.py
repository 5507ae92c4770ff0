"""Playbooks: which alerts they are for, which evidence is collected, and which findings may lead to which mitigation."""
