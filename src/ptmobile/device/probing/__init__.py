"""Asking a library what it reads and which operators it has, by files made for the purpose."""

from ptmobile.device.probing.asking import CannotAskError
from ptmobile.device.probing.probe import Prober

__all__ = ["CannotAskError", "Prober"]
