"""What Fettle can do to a cluster, one verb a file: preview, request, apply, read back, inverse."""
