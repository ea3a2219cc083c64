"""HTTP as artifacts need it: one request, one answer or the reason why there is none, and no address in any message.

By urllib3, which is locked already as the base of what downloads libraries: it pools connections between threads,
speaks to proxies, trusts what the machine trusts, and leaves attempts, redirects and time limits to us.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from ptmobile import __version__
from ptmobile.errors import PublishError
from ptmobile.github.artifact.proxies import Proxies

USER_AGENT: Final = f"ptmobile-action/{__version__}"
_PIECE: Final = 256 << 10
_LONGEST_ANSWER: Final = 8 << 20


@dataclass(frozen=True)
class Waits:
    """Seconds to wait: for a connection and for each quarter of a MiB to leave, and for each piece of an answer."""

    send: float = 30.0
    answer: float = 120.0


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class NoReply:
    """No answer, and why; the reason names at most a host."""

    reason: str
    sent: bool = True
    """Whether the other side may have received the request."""

    hopeless: bool = False
    """Whether another attempt would end in the same way."""


@dataclass(frozen=True)
class _Sent:
    """A request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Iterable[memoryview] | None = None


class StoppedError(Exception):
    """The upload was given up while a request was under way."""


class Web:
    """Sends requests over connections that are kept; may be used by several threads."""

    def __init__(self, proxies: Proxies, waits: Waits, connections: int, stop: threading.Event) -> None:
        self._proxies = proxies
        self._timeout = urllib3.Timeout(connect=waits.send, read=waits.answer)
        self._connections = connections
        self._stop = stop
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | memoryview) -> Reply | NoReply:
        """Send a request once.

        Raises:
            StoppedError: `stop` was set before all was sent.
        """
        headers = {"User-Agent": USER_AGENT, "Content-Length": str(len(body)), **headers}
        return self._exchange(_Sent(method, url, headers, self._pieces(body)), _read)

    def download(self, url: str, sink: BinaryIO, limit: int) -> Reply | NoReply:
        """Ask once for what lies at an address, without any token, and put it into `sink`, which is emptied before.

        The answer's own body is empty then; that of another status than 200 is in the answer. More than `limit` bytes
        are no answer.

        Raises:
            PublishError: it cannot be written to `sink`.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        return self._exchange(_Sent("GET", url, headers), lambda response: _save(response, sink, limit))

    def _exchange(self, sent: _Sent, read: Callable[[urllib3.BaseHTTPResponse], Reply | NoReply]) -> Reply | NoReply:
        proxy = self._proxies.choose(sent.url)
        if proxy and urlsplit(proxy).scheme not in {"http", "https"}:
            return NoReply("only http and https proxies are supported", sent=False, hopeless=True)
        try:
            response = self._manager(proxy).urlopen(
                sent.method,
                sent.url,
                headers=sent.headers,
                body=sent.body,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            return read(response)
        except (HTTPError, OSError, http.client.HTTPException, ValueError) as problem:
            return _explain(problem, urlsplit(sent.url).hostname or "the host")

    def close(self) -> None:
        """Close connections that are not in use."""
        for manager in self._managers.values():
            manager.clear()

    def _pieces(self, body: bytes | memoryview) -> Iterable[memoryview]:
        """The body in pieces, since a time limit holds for each piece; also lets an upload be given up in between."""
        view = memoryview(body)
        for start in range(0, len(view), _PIECE):
            if self._stop.is_set():
                raise StoppedError
            yield view[start : start + _PIECE]

    def _manager(self, proxy: str) -> urllib3.PoolManager:
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = self._connect(proxy)
            return self._managers[proxy]

    def _connect(self, proxy: str) -> urllib3.PoolManager:
        context = ssl.create_default_context()
        if not proxy:
            return urllib3.PoolManager(maxsize=self._connections, ssl_context=context)
        parts = urlsplit(proxy)
        credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else None
        return urllib3.ProxyManager(
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            proxy_headers=urllib3.make_headers(proxy_basic_auth=credentials),
            maxsize=self._connections,
            ssl_context=context,
            proxy_ssl_context=context,
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what urllib3 tells its log below warnings to itself: it tells it whole addresses, signatures included."""
    logger = logging.getLogger("urllib3.connectionpool")

    def important(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    logger.addFilter(important)
    try:
        yield
    finally:
        logger.removeFilter(important)


def _read(response: urllib3.BaseHTTPResponse) -> Reply | NoReply:
    try:
        body = response.read(_LONGEST_ANSWER + 1, decode_content=True)
        if len(body) > _LONGEST_ANSWER:
            response.close()
            return NoReply("the answer is too long")
        response.drain_conn()
        return Reply(response.status, response.headers, body)
    finally:
        response.release_conn()


def _save(response: urllib3.BaseHTTPResponse, sink: BinaryIO, limit: int) -> Reply | NoReply:
    if response.status != 200:
        return _read(response)
    try:
        _write(sink, None)
        # As it was sent: what is small on its way and large when it is unpacked is no business of this module.
        for piece in response.stream(_PIECE, decode_content=False):
            if sink.tell() + len(piece) > limit:
                response.close()
                return NoReply(f"it is larger than {limit:,} bytes", hopeless=True)
            _write(sink, piece)
        return Reply(response.status, response.headers, b"")
    finally:
        response.release_conn()


def _write(sink: BinaryIO, piece: bytes | None) -> None:
    """Write a piece, or begin anew; a full disk is nothing that the other side has done."""
    try:
        if piece is None:
            sink.seek(0)
            sink.truncate()
        else:
            sink.write(piece)
    except OSError as error:
        raise PublishError(f"What is downloaded cannot be written: {error.strerror}.") from error


#: What each kind of failure is called, and whether the request can have arrived; the first that fits counts.
_REASONS: Final[tuple[tuple[type[Exception], str, bool], ...]] = (
    (ProxyError, "the proxy does not let us through", False),
    (NameResolutionError, "the name {host} cannot be resolved", False),
    (NewConnectionError, "{host} does not accept the connection", False),
    (ConnectTimeoutError, "{host} does not accept the connection in time", False),
    (SSLError, "the secure connection to {host} failed", True),
    (ReadTimeoutError, "{host} did not answer in time", True),
    (ProtocolError, "{host} ended the connection", True),
    (ValueError, "the address cannot be used", False),
)


def _explain(problem: Exception, host: str) -> NoReply:
    if isinstance(problem, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return NoReply(f"the certificate of {host} is not trusted here", sent=False, hopeless=True)
    if isinstance(problem, ProtocolError) and any(isinstance(cause, TimeoutError) for cause in problem.args):
        return NoReply(f"{host} took nothing more for too long")
    for kind, reason, sent in _REASONS:
        if isinstance(problem, kind):
            return NoReply(reason.format(host=host), sent, hopeless=isinstance(problem, ValueError))
    return NoReply(f"the connection to {host} failed ({type(problem).__name__})")
