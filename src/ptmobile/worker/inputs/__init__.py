"""The inputs of all trials."""
