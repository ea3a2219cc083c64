"""GitHub's side, when it does not do what it should."""

from __future__ import annotations

import base64
import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


_TOKEN = ".".join([_part({"alg": "none"}), _part({"scp": "Actions.Results:1:2"}), "none"])


@contextlib.contextmanager
def service(asked: Callable[[], None] | None) -> Iterator[str]:
    """A server that refuses every request, or calls ``asked`` at the first one and never answers any; its address."""
    over = threading.Event()
    first = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            if asked is None:
                self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                return
            if first.acquire(blocking=False):
                asked()
            over.wait(60)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()
            server.shutdown()


def artifacts_at(address: str) -> dict[str, str]:
    """The variables by which a job finds its artifact service."""
    return {"ACTIONS_RESULTS_URL": f"{address}/", "ACTIONS_RUNTIME_TOKEN": _TOKEN}
