"""Trying again: how often, how long to wait, and what is known afterwards."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Final, Generic, TypeVar

from ptmobile.errors import PublishError

T = TypeVar("T")

#: Answers after which the same request may succeed.
TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Tried(Generic[T]):
    """One attempt, or several: what came of it, or what went wrong."""

    value: T | None = None
    error: PublishError | None = None
    again: bool = False
    """Whether another attempt makes sense."""

    not_before: float = 0.0
    """The seconds for which the other side asked us to wait."""

    maybe_done: bool = False
    """Whether the other side may have carried out the request although we know of no success."""

    def get(self) -> T:
        """The value.

        Raises:
            PublishError: there is none; of the artifact service, an ArtifactError.
        """
        if self.error is not None:
            raise self.error
        assert self.value is not None  # noqa: S101 - one of the two is always given
        return self.value


@dataclass(frozen=True)
class Patience:
    """Five attempts with growing, random waits, half a minute in all: as the official client has it."""

    attempts: int = 5
    first_wait: float = 3.0
    growth: float = 1.5
    longest_wait: float = 120.0
    """Who asks us to wait longer than this is taken to have said no."""

    def wait(self, failed: int) -> float:
        """Seconds to wait after so many failed attempts; random, so that parallel jobs do not come back together."""
        if failed == 1:
            return self.first_wait
        low = self.first_wait * self.growth ** (failed - 1)
        return random.uniform(low, low * self.growth)  # noqa: S311 - nothing depends on its secrecy


@dataclass(frozen=True)
class Retrying:
    """Tries again with patience; `sleep` waits in between."""

    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)

    def persist(self, attempt: Callable[[], Tried[T]]) -> Tried[T]:
        """Try until it succeeds, makes no sense any more, or patience is used up; return the last attempt.

        `maybe_done` of the result speaks of all attempts. A server that names a time is not asked earlier.
        """
        maybe_done, failed = False, 0
        while True:
            tried = attempt()
            maybe_done |= tried.maybe_done
            failed += tried.error is not None
            too_long = tried.not_before > self.patience.longest_wait
            if tried.error is None or not tried.again or too_long or failed >= self.patience.attempts:
                break
            self.sleep(max(self.patience.wait(failed), tried.not_before))
        if tried.error is not None:
            tried.error.message += _circumstances(failed, tried.not_before if too_long else 0)
        return replace(tried, maybe_done=maybe_done)

    def once(self) -> Retrying:
        """The same without a second attempt."""
        return replace(self, patience=replace(self.patience, attempts=1))


def retry_after(text: str, now: dt.datetime) -> float:
    """The seconds that a `Retry-After` header asks for, in either of its forms; 0 if it cannot be read."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


def _circumstances(failed: int, not_before: float) -> str:
    asked = f" It asks to wait {not_before:.0f} seconds." if not_before else ""
    return (f" It was tried {failed} times." if failed > 1 else "") + asked
