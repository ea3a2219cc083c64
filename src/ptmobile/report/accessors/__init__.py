"""Lines of code for an app: load the file, make its inputs, read this very output."""

from __future__ import annotations

from ptmobile.app_card import AppCard
from ptmobile.report.accessors.ios import ios_code
from ptmobile.report.accessors.jvm import JAVA, KOTLIN, jvm_code
from ptmobile.report.model import AppCode

__all__ = ["app_code"]


def app_code(card: AppCard | None, file: str) -> AppCode | None:
    """The lines for a card; ``file`` is the name of the file, as an app's asset. None without a card."""
    if card is None or not card.outputs:
        return None
    return AppCode(java=jvm_code(card, file, JAVA), kotlin=jvm_code(card, file, KOTLIN), ios=ios_code(card, file))
