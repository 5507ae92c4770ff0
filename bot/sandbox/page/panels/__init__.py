"""What stands beside Slack on the page: the cluster, the alerts, the audit and the faults, one panel a module."""
