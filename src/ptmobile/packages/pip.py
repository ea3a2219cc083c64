"""pip: where it lies, what it is told, and which variables of the environment reach it."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from ptmobile.errors import InternalError

#: The image has its wheel here; elsewhere it is what Python has.
_OF_IMAGE: Final = Path("/opt/ptmobile/pip")
#: What says where packages come from. Nothing else of the environment is passed on.
PASSED: Final = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST"),
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_TIMEOUT", "PIP_RETRIES"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
#: Without a network each retry only takes longer; without any, pip does not say that there is none.
_DEFAULTS: Final = {"PIP_RETRIES": "1", "PIP_DEFAULT_TIMEOUT": "20"}
_CREDENTIALS: Final = re.compile(r"://([^/@\s]+)@")
_MASK: Final = "****"


@dataclass(frozen=True)
class Masking:
    """Takes the credentials out of what is printed: those in addresses of the environment, as they are and decoded."""

    secrets: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """The text without any of them."""
        for secret in self.secrets:
            text = text.replace(secret, _MASK)
        return text


def masking_of(variables: Mapping[str, str]) -> Masking:
    """What hides the credentials in these variables. A name alone (``token@``) may be a token, and is hidden too."""
    found: set[str] = set()
    for value in variables.values():
        for given in _CREDENTIALS.findall(value):
            name, _, password = given.partition(":")
            for part in (given, password or name):
                found |= {part, unquote(part)}
    return Masking(tuple(sorted(filter(None, found), key=len, reverse=True)))


def passed_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that pip is given of this environment. No file of configuration is read beside them."""
    passed = {name: environment[name] for name in PASSED if environment.get(name)}
    if passed.get("PIP_RETRIES") == "0":
        del passed["PIP_RETRIES"]
    return {**_DEFAULTS, **passed, "PIP_CONFIG_FILE": os.devnull}


def find_pip() -> Path:
    """What to put into Python's path to have pip: a folder or a wheel.

    Raises:
        InternalError: there is none.
    """
    wheels = sorted(_OF_IMAGE.glob("pip-*.whl"))
    if wheels:
        return wheels[-1]
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        raise InternalError(
            "requirements cannot be installed: there is no pip here.", advice="Install pip beside ptmobile."
        )
    return Path(found.origin).parent.parent


@dataclass(frozen=True)
class Order:
    """What pip is to install, and where: ``lines`` and ``constraints`` are files, ``stubs`` a folder of wheels."""

    lines: Path
    constraints: Path
    stubs: Path
    target: Path
    report: Path
    hashed: bool
    source_builds: bool


def arguments_of(order: Order) -> list[str]:
    """The arguments of pip."""
    return [
        *("install", "--no-input", "--no-color", "--progress-bar", "off", "--disable-pip-version-check"),
        *("--no-cache-dir", "--no-warn-script-location", "--no-compile", "--root-user-action", "ignore"),
        *(() if order.source_builds else ("--only-binary", ":all:")),
        *(("--require-hashes",) if order.hashed else ()),
        *("--target", str(order.target), "--report", str(order.report), "--find-links", str(order.stubs)),
        *("--constraint", str(order.constraints), "--requirement", str(order.lines)),
    ]
