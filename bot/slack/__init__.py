"""State to Slack's blocks and back; pure but for ``client``, which is the one place that speaks to Slack's Web API."""
