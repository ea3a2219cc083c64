"""What is done to a model, stage by stage, and the processes that do it."""
