"""Systems besides the cluster and Slack, one file each, behind one door: read alone, at configured addresses alone."""
