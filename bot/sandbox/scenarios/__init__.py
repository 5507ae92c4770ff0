"""Scenarios: the whole bot in a small world, told in sentences; each a YAML file here, run by the engine."""
