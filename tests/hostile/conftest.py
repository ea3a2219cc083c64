"""The same image as that of tests/e2e, and a workspace of somebody else's with an attack in it."""

from __future__ import annotations

from tests.e2e.conftest import action_image, clean_tree, docker_client, library_cache, run_step

__all__ = ["action_image", "clean_tree", "docker_client", "library_cache", "run_step"]
