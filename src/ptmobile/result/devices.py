"""What the phones' own libraries made of a file."""

from __future__ import annotations

from typing import Literal

from ptmobile.result.base import Name, Record, Text

DeviceStatus = Literal["right", "ran", "wrong", "failed", "not-run"]
#: How something about a runtime is known; the same words as in :mod:`ptmobile.runtimes.limits`.
Evidence = Literal["run", "asked", "desktop", "inferred"]


class TableAnswer(Record, frozen=True, kw_only=True):
    """What is known of a release without running it, and what that says about a file; ``runs`` is never yes."""

    loads: Literal["yes", "no", "unknown"]
    loads_evidence: Evidence
    runs: Literal["no", "unknown"]
    runs_evidence: Evidence | None = None
    reasons: tuple[Text, ...] = ()
    advice: Text = ""

    @property
    def refusal(self) -> Evidence | None:
        """How it is known that the file does not work there; None if nothing says so."""
        return self.loads_evidence if self.loads == "no" else self.runs_evidence if self.runs == "no" else None


class DeviceVerdict(Record, frozen=True, kw_only=True):
    """What the phone's own library made of a file: one release, one ABI, one edition of the file.

    ``right``: it loaded the file, ran it on every trial and gave the model's numbers. ``ran``: it did, but there was
    nothing to compare with. ``wrong``: it gave others. ``failed``: it did not load or run it. ``not-run``: the library
    could not be run here, which says nothing about the file; then ``tables`` say what is known otherwise. ``emulated``:
    the CPU was. ``decides``: an app declares the release, or it was asked for. ``page_bytes``: the largest page size of
    a device that can load the library.
    """

    release: Name
    abi: Name
    edition: Name = ""
    found: Name = ""
    decides: bool = True
    emulated: bool = False
    status: DeviceStatus
    message: Text = ""
    max_abs: float | None = None
    seconds: float = 0.0
    tables: TableAnswer | None = None
    page_bytes: int | None = None
