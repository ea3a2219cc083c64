"""Known errors of PyTorch and of its mobile runtimes, decoded into what happened and what to do.

Plain data and regular expressions; both sides of the wall may import it.
"""

from ptmobile.explaining.matching import advice_for, explain, explain_all
from ptmobile.explaining.model import Explanation, KnownError

__all__ = ["Explanation", "KnownError", "advice_for", "explain", "explain_all"]
