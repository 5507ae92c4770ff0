"""Bolt listeners: parse, ack, call one workflow verb, answer."""
