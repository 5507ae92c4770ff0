"""Three independent checks of every payload the app sends, in the order Slack's own answer reads.

`limits` is our table of Slack's documented lengths and counts, `schema` is a JSON Schema made
from Slack's TypeScript types, `sdk_models` is what the Python SDK's own classes refuse.
"""
