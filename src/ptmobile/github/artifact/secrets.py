"""What must not be seen: told to the runner's log at once, and taken out of every message."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from ptmobile.visible import shorten, visible

_SHORTEST = 8  # a mask of less would garble a log, and no signature is so short


class Secrets:
    """Knows the secrets of one upload; `mask` is told each of them before it is used."""

    def __init__(self, mask: Callable[[str], None]) -> None:
        self._mask = mask
        self._known: list[str] = []
        self._lock = threading.Lock()

    def add(self, *values: str) -> None:
        """Keep these out of the log and of messages from now on."""
        for value in values:
            with self._lock:
                new = len(value) >= _SHORTEST and value not in self._known
                if new:
                    self._known.append(value)
                    self._known.sort(key=len, reverse=True)
            if new:
                self._mask(value)

    def add_signature(self, url: str) -> None:
        """Keep an address's signature secret, as it is written and decoded; without one, all that it asks."""
        query = url.partition("?")[2]
        written = [value for name, _, value in (part.partition("=") for part in query.split("&")) if name == "sig"]
        decoded = [value for name, value in parse_qsl(query) if name == "sig"]
        self.add(*(written or [query]), *map(unquote, written), *decoded)

    def clean(self, text: str) -> str:
        """A stranger's text as one short line without secrets."""
        text = " ".join(text.split())
        for value in self._known:
            text = text.replace(value, "***")
        return shorten(visible(text), 300)
