"""The sandbox's page: a Slack channel in the browser, so that a newcomer can press Approve.

It draws what the sandbox's Slack server holds and turns presses into the server's acts. It refuses
to know anything about the bot: whatever can be seen here came over the wire.
"""
