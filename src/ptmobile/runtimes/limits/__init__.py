"""What is known about each runtime beyond its name, and what that says about a file: the verdict without a library."""

from ptmobile.runtimes.limits.asked import AskedLibrary
from ptmobile.runtimes.limits.checking import check_against_tables
from ptmobile.runtimes.limits.model import Answer, Boundary, Evidence, Finding, PageSize, Presence, TableVerdict
from ptmobile.runtimes.limits.tables import Limits, Tables, load_tables

__all__ = [
    "Answer",
    "AskedLibrary",
    "Boundary",
    "Evidence",
    "Finding",
    "Limits",
    "PageSize",
    "Presence",
    "TableVerdict",
    "Tables",
    "check_against_tables",
    "load_tables",
]
