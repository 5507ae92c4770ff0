"""From what the store owes to messages in Slack: claimed, rendered from the state of that moment, sent, remembered."""
