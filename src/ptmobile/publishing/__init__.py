"""Handing over what was found: the workspace, the job, artifacts, a comment."""
