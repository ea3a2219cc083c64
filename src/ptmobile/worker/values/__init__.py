"""What a model takes and gives: as a tree, and on disk."""
