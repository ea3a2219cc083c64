"""Which proxy a request takes, by the usual variables and with the same rules as GitHub's own actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxies:
    """The proxies of a job; addresses may hold a password and are not shown."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    direct: tuple[str, ...] = ()
    """Hosts, domains or `host:port` that are reached without one; `*` for all."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Proxies:
        """Read `https_proxy`, `http_proxy` and `no_proxy`; the lower-case name of each comes first."""

        def text(name: str) -> str:
            return environment.get(name) or environment.get(name.upper()) or ""

        direct = tuple(part.strip().lower() for part in text("no_proxy").split(",") if part.strip())
        return cls(_address(text("http_proxy")), _address(text("https_proxy")), direct)

    def choose(self, url: str) -> str:
        """The proxy for an address, or nothing; this machine itself is never reached through one."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if host == "localhost" or host.startswith("127.") or host in {"::1", "0:0:0:0:0:0:0:1"}:
            return ""
        if self._is_direct(host, parts.port or _PORTS.get(parts.scheme, 0)):
            return ""
        return self.https if parts.scheme == "https" else self.http

    def _is_direct(self, host: str, port: int) -> bool:
        names = (host, f"{host}:{port}")
        return any(
            rule == "*" or any(name == rule or name.endswith("." + rule.removeprefix(".")) for name in names)
            for rule in self.direct
        )


def _address(text: str) -> str:
    return text if not text or "://" in text else f"http://{text}"
