"""What a run found, told to people and machines: one view of it in several formats."""
