"""A Slack-compatible server on loopback: Web API, Socket Mode and people who press buttons.

It exists so that the unmodified Slack clients can be run without a workspace. It refuses to be
reachable from another machine and to accept tokens that look real.
"""
