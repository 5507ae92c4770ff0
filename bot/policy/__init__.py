"""What may happen to the cluster, and who may say so: pure decisions, and what can't be read denies."""
