"""Comparing the outputs of two variants of one model over all trials."""

from ptmobile.worker.comparing.pairs import compare_pair
from ptmobile.worker.comparing.proof import proof_notices
from ptmobile.worker.comparing.tolerance import Policy

__all__ = ["Policy", "compare_pair", "proof_notices"]
