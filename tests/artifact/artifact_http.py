"""A local HTTP server that keeps a record of what it was asked, and misbehaves when told to."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What happens instead of the proper answer; without a status the connection is reset."""

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    """Whether the request is carried out all the same."""

    delay: float = 0.0
    part_of_body: bool = False
    """Whether it happens when half of the body has arrived; with a delay, nothing of it is taken."""


def refuses(status: int, message: str = "no reason", **headers: str) -> Fault:
    """An answer of the results service with an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status, json.dumps({"code": "some_code", "msg": message, "meta": {}}).encode(), named)


def web_page(status: int) -> Fault:
    """An answer of something before the service."""
    return Fault(status, b"<html>Unicorn!</html>", {"Content-Type": "text/html"})


def empty(status: int) -> Fault:
    """An answer without a body."""
    return Fault(status)


def reset() -> Fault:
    """The connection ends before anything is done."""
    return Fault()


def lost() -> Fault:
    """Everything is done, but the answer does not arrive."""
    return Fault(after=True)


def slow(seconds: float) -> Fault:
    """Everything is done, and the answer comes late."""
    return Fault(after=True, delay=seconds)


def torn() -> Fault:
    """The connection ends in the middle of the request."""
    return Fault(part_of_body=True)


def stalls(seconds: float) -> Fault:
    """Nothing of the request's body is taken any more."""
    return Fault(part_of_body=True, delay=seconds)


@dataclass(frozen=True)
class Request:
    """What arrived."""

    kind: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class FaultyServer:
    """Subclasses say what kind a request is, and answer it. A context manager."""

    def __init__(self) -> None:
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.requests: list[Request] = []
        self.hits: Counter[str] = Counter()
        self.violations: list[str] = []
        self.lock = threading.RLock()
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    def kind(self, method: str, target: str) -> str:
        """What a request asks for."""
        raise NotImplementedError

    def answer(self, request: Request) -> Response:
        """Carry a request out."""
        raise NotImplementedError

    def script(self, kind: str, *faults: Fault) -> None:
        """Misbehave at the next requests of a kind."""
        self.faults[kind].extend(faults)

    def count(self, kind: str) -> int:
        """How many requests of a kind arrived, whole or not."""
        return self.hits[kind]

    def kinds(self) -> list[str]:
        """What was asked, in order."""
        return [request.kind for request in self.requests]

    def demand(self, condition: object, what: str) -> None:
        """Note a violation of the protocol; tests look at them at their end."""
        if not condition:
            self.violations.append(what)

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Speak HTTPS; to be called before the server starts."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.address = self.address.replace("http:", "https:")

    def __enter__(self) -> Any:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        owner = self.owner
        kind = owner.kind(self.command, self.path)
        length = int(self.headers.get("Content-Length", 0))
        owner.demand(self.command == "GET" or "Content-Length" in self.headers, f"{kind} without a length")
        with owner.lock:
            owner.hits[kind] += 1
            fault = owner.faults[kind].popleft() if owner.faults[kind] else None
        if fault and fault.part_of_body:
            self.rfile.read(0 if fault.delay else length // 2)
            time.sleep(fault.delay)
            return self._reset()
        body = self.rfile.read(length)
        if len(body) < length:
            return self._reset()  # the other side gave up
        request = Request(kind, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with owner.lock:
            owner.requests.append(request)
            done = owner.answer(request) if fault is None or fault.after else None
        if fault is not None:
            time.sleep(fault.delay)
        if fault is None or (fault.after and fault.delay):
            assert done is not None
            return self._reply(done)
        return self._reply(Response(fault.status, fault.body, fault.headers)) if fault.status else self._reset()

    do_PUT = do_GET = do_PATCH = do_POST  # noqa: N815 - names that the standard library looks for

    def _reply(self, response: Response) -> None:
        try:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)
        except OSError:
            self.close_connection = True  # it did not want to wait for a slow answer

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
