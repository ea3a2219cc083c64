"""What is known of one error, and what is said of one message."""

from __future__ import annotations

from ptmobile.result import Record, StageName


class KnownError(Record, frozen=True, kw_only=True):
    """An error that users meet, with its cause and the way out.

    ``patterns`` are regular expressions for a message in which every run of white space is one space; one of them is
    enough. They hold no repetition within a repetition and none without an upper end, so that no message, however long,
    takes more than linear time. ``stages`` are those of a run that the error may come from (``device``: the app's own
    library, its Java side included); empty: all of them. ``detail`` is a sentence with named groups of the patterns in
    braces, said where the message has all of them. ``source`` says where the facts come from: issues and pull requests
    as ``owner/name#number``, files of PyTorch 1.13.1, documents of this project. ``example`` is a message as it was
    really printed, its tail left out.
    """

    id: str
    says: str
    patterns: tuple[str, ...]
    stages: tuple[StageName, ...] = ()
    cause: str
    detail: str = ""
    remedy: str
    source: tuple[str, ...]
    example: str


class Explanation(Record, frozen=True, kw_only=True):
    """A message that is known: ``cause`` with what the message itself tells, ``remedy``, and where that is from."""

    id: str
    cause: str
    remedy: str
    stages: tuple[StageName, ...]
    source: tuple[str, ...]
