"""Fixtures that several modules of this folder use."""

from loading_support import clean_imports, trained, workspace

__all__ = ["clean_imports", "trained", "workspace"]
