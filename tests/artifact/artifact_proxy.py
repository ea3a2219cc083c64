"""A proxy that knows two hosts: for plain requests and for tunnels, with a password or without."""

from __future__ import annotations

import base64
import http.client
import select
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Proxy:
    """`hosts` says at which local address a host really is. A context manager."""

    def __init__(self, hosts: Mapping[str, str], credentials: str = "") -> None:
        self.hosts = hosts
        self.seen: list[tuple[str, str]] = []
        self.leaked: list[str] = []
        self.expected = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else None
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _allowed(self, host: str) -> bool:
        self.owner.seen.append((self.command, host))
        if self.owner.expected not in {None, self.headers.get("Proxy-Authorization")}:
            self.send_error(407)
        elif host not in self.owner.hosts:
            self.send_error(502)
        else:
            return True
        return False

    def do_CONNECT(self) -> None:
        self.owner.leaked += [name for name in ("Authorization",) if name in self.headers]
        host = self.path.rpartition(":")[0]
        if not self._allowed(host):
            return
        address = urlsplit(self.owner.hosts[host])
        with socket.create_connection((address.hostname, address.port)) as other:
            self.send_response(200)
            self.end_headers()
            _splice(self.connection, other)
        self.close_connection = True

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self._allowed(parts.hostname or ""):
            return
        connection = http.client.HTTPConnection(urlsplit(self.owner.hosts[parts.hostname or ""]).netloc)
        headers: dict[str, Any] = {
            name: value for name, value in self.headers.items() if name.lower() != "proxy-authorization"
        }
        connection.request(self.command, f"{parts.path}?{parts.query}".rstrip("?"), body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_PUT = do_GET = do_POST  # noqa: N815 - names that the standard library looks for


def _splice(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on in both ways until one side ends."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            (other if ready is one else one).sendall(data)
