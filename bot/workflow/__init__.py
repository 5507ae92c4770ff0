"""One stage a file: intake, investigate, propose, decide, execute, verify, close. It owes messages, it never sends."""
