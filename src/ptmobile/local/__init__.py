"""A workflow's step on your own machine, done as the runner would do it."""
