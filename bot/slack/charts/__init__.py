"""Charts of what was measured: chosen from the evidence, then a native block of Slack's, or a picture."""
