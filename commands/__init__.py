"""What people do in Slack: parse, acknowledge, call one workflow verb, answer. Nothing is decided here."""
