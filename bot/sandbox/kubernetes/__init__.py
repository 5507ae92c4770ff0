"""A Kubernetes-compatible API server in memory; it refuses to be reachable beyond loopback."""
