"""Local servers that speak the wire of Slack, Kubernetes and Alertmanager, and a page to use them.

Speaking only the wire, the sandbox cannot share the bot's bugs: it imports nothing of production.
"""
