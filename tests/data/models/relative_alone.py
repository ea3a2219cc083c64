"""Imports relatively, but is in no package that could be imported from the workspace's root alone."""

from .nets import TinyNet

Net = TinyNet
