"""Relative import in a folder without __init__.py."""

from .parts import Part


class Net(Part):
    pass
