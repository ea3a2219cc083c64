"""Doing something as another user, in a process of its own, of which nothing but JSON comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from ptmobile.device.errors import CannotRunError
from ptmobile.errors import PtmobileError
from ptmobile.sandbox.account import Account

_MAX_BYTES: Final = 8 << 20


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a library was asked: the version numbers that it loads, inclusive, and the operators that it lacks."""

    bytecode_min: int
    bytecode_max: int
    archive_max: int
    lacking: frozenset[str]


class _Outcome(msgspec.Struct, kw_only=True):
    asked: Asked | None = None
    problem: str = ""
    advice: str = ""


def ask_apart(account: Account, ask: Callable[[], Asked]) -> Asked:
    """Ask as the account, if that is somebody else.

    Raises:
        CannotRunError: asking did, or failed otherwise in its process.
    """
    if not account.separate:
        return ask()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _be(account, ask, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        data = stream.read(_MAX_BYTES)
    _, status = os.waitpid(child, 0)
    try:
        outcome = msgspec.json.decode(data, type=_Outcome)
    except msgspec.DecodeError as problem:
        code = os.waitstatus_to_exitcode(status)
        raise CannotRunError(f"The process that asks the library ended without an answer (status {code}).") from problem
    if outcome.asked is None:
        raise CannotRunError(outcome.problem, advice=outcome.advice)
    return outcome.asked


def _be(account: Account, ask: Callable[[], Asked], writer: int) -> NoReturn:
    """The child: it never returns into what its parent does."""
    status = 1
    try:
        os.setgroups([])
        os.setresgid(*[account.gid or 0] * 3)
        os.setresuid(*[account.uid or 0] * 3)
        with os.fdopen(writer, "wb") as stream:
            stream.write(msgspec.json.encode(_answer(ask)))
        status = 0
    finally:
        os._exit(status)


def _answer(ask: Callable[[], Asked]) -> _Outcome:
    try:
        return _Outcome(asked=ask())
    except PtmobileError as problem:
        return _Outcome(problem=problem.message, advice=problem.advice)
    except OSError as problem:
        return _Outcome(problem=f"The library cannot be run: {problem}.")
