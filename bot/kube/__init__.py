"""The cluster: the only room that imports the Kubernetes client. Reads are free, writes are sent once."""
