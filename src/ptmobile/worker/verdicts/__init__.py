"""From stages and comparisons to a result: which file is shipped, and why not."""
