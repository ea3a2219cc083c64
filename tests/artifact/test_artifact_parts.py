"""The parts of an upload that need no server: names, retention, identity, proxies, waits, what is secret."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
from typing import Any

import pytest
from artifact_service import JOB, RUN, runtime_token

from ptmobile.errors import ExitCode, PublishError
from ptmobile.github.artifact import (
    ArtifactError,
    InvalidArtifactError,
    NoServiceError,
    Proxies,
    ServiceAccess,
    name_problem,
    web,
)
from ptmobile.github.artifact.identity import BackendIds, backend_ids
from ptmobile.github.artifact.names import LONGEST_NAME, check_artifact_name, check_file_names
from ptmobile.github.artifact.retention import clamp_retention, expires_at
from ptmobile.github.artifact.retry import Patience, Retrying, Tried, retry_after
from ptmobile.github.artifact.secrets import Secrets

NOW = dt.datetime(2026, 11, 20, 13, 12, 18, 500_000, dt.UTC)


def token(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


def test_the_token_says_who_we_are() -> None:
    assert backend_ids(runtime_token()) == BackendIds(RUN, JOB)
    assert backend_ids(runtime_token("1", "1")).fields() == {
        "workflow_run_backend_id": "1",
        "workflow_job_run_backend_id": "1",
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "a.b", "a.!.c", "a.e30.c", "..", token([]), token({}), token({"scp": 5})),
        token({"scp": "actions.results:a:b"}),
        token({"scp": "Actions.Results"}),
        token({"scp": "Actions.Results:a"}),
        token({"scp": "Actions.Results:a:b:c"}),
        token({"scp": "Actions.Results::b"}),
        token({"scp": "Actions.Results:a Actions.Results:b:c"}),
        f"a.{base64.urlsafe_b64encode(b'[' * 100_000).decode()}.c",
    ],
)
def test_tokens_that_do_not_say_it(text: str) -> None:
    with pytest.raises(NoServiceError, match="does not carry the scope"):
        backend_ids(text)


@pytest.mark.parametrize("character", [*'":<>|*?/\\', "\r", "\n", "\t", "\0", "\x7f", "\u202e", "\u2028", "\ud800"])
def test_characters_that_no_name_has(character: str) -> None:
    assert "it contains" in name_problem(f"a{character}b")
    with pytest.raises(InvalidArtifactError) as caught:
        check_artifact_name(f"a{character}b")
    assert caught.value.message.isprintable()
    if character not in "/\\":
        with pytest.raises(InvalidArtifactError, match="it contains"):
            check_file_names([f"folder/a{character}b"])


@pytest.mark.parametrize("name", ["", ".", "..", " a", "a ", "\u00a0a", "a" * (LONGEST_NAME + 1), "é" * 126])
def test_names_that_nobody_could_save(name: str) -> None:
    with pytest.raises(InvalidArtifactError, match="cannot be the name of an artifact"):
        check_artifact_name(name)


@pytest.mark.parametrize("name", ["a", "a b", ".a", "a" * LONGEST_NAME, "漢字", "net (1).ptl", "a'b`$;&"])
def test_names_that_can_be_used(name: str) -> None:
    check_artifact_name(name)
    check_file_names([name, f"folder/{name}"])


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", ".", "a\\b", "C:/a", "a" * 1001])
def test_paths_that_no_archive_has(path: str) -> None:
    with pytest.raises(InvalidArtifactError, match="cannot be a file of an artifact"):
        check_file_names([path])


def test_files_that_would_be_one() -> None:
    with pytest.raises(InvalidArtifactError, match="Two files"):
        check_file_names(["Net.ptl", "other", "net.PTL"])


@pytest.mark.parametrize(("days", "limit", "kept"), [(0, 0, 0), (0, 30, 0), (7, 30, 7), (60, 30, 30), (60, 0, 60)])
def test_retention(days: int, limit: int, kept: int) -> None:
    assert clamp_retention(days, limit)[0] == kept
    assert bool(clamp_retention(days, limit)[1]) == (kept != days)


def test_the_end_of_the_retention() -> None:
    assert expires_at(0, NOW) == ""
    assert expires_at(7, NOW) == "2026-11-27T13:12:18.500Z"
    assert expires_at(7, NOW.astimezone(dt.timezone(dt.timedelta(hours=5)))) == "2026-11-27T13:12:18.500Z"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("", 0), ("0", 0), ("7", 7), (" 7 ", 7), ("-7", 0), ("soon", 0), ("\u0667", 0), ("9" * 400, 999_999_999)),
        ("Fri, 20 Nov 2026 13:13:18 GMT", 59.5),
        ("Fri, 20 Nov 2026 13:11:18 GMT", 0),
        ("Fri, 20 Nov 2026 13:13:18 -0000", 0),
        ("Fri, 99 Nov 2026 13:13:18 GMT", 0),
    ],
)
def test_what_retry_after_asks_for(text: str, seconds: float) -> None:
    assert retry_after(text, NOW) == seconds


def test_patience_ends() -> None:
    waits: list[float] = []
    attempts: list[int] = []

    def attempt() -> Tried[int]:
        attempts.append(1)
        return Tried(error=ArtifactError("No."), again=True, maybe_done=len(attempts) == 1)

    tried = Retrying(Patience(attempts=3), waits.append).persist(attempt)
    assert (len(attempts), len(waits)) == (3, 2)
    assert tried.maybe_done
    with pytest.raises(ArtifactError, match=r"No\. It was tried 3 times\."):
        tried.get()
    assert Retrying(sleep=waits.append).once().persist(attempt).error is not None
    assert (len(attempts), len(waits)) == (4, 2)


PROXIES = Proxies.from_environment(
    {
        "http_proxy": "plain.example:3128",
        "HTTP_PROXY": "http://loses.example:1",
        "HTTPS_PROXY": "http://user:p%40ss@secure.example:3129",
        "NO_PROXY": "internal.example, .dotted.example ,host.example:444,",
    }
)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://results.example/x", "http://plain.example:3128"),
        ("https://results.example/x", "http://user:p%40ss@secure.example:3129"),
        *((f"https://{host}/x", "") for host in ("internal.example", "a.Internal.example", "a.dotted.example")),
        *((f"https://{host}/x", "") for host in ("localhost", "127.0.0.1:99", "127.3.2.1", "[::1]:99")),
        ("https://notinternal.example/x", "http://user:p%40ss@secure.example:3129"),
        ("https://host.example:444/x", ""),
        ("https://host.example/x", "http://user:p%40ss@secure.example:3129"),
        ("http://internal.example.evil.example/x", "http://plain.example:3128"),
    ],
)
def test_which_proxy(url: str, proxy: str) -> None:
    assert PROXIES.choose(url) == proxy


def test_no_proxy_at_all() -> None:
    assert Proxies.from_environment({"https_proxy": "http://x", "no_proxy": "*"}).choose("https://y/") == ""
    assert Proxies.from_environment({}).choose("https://y/") == ""
    assert "p%40ss" not in repr(PROXIES)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://results.example/", "https://results.example"),
        ("https://Results.example:8443/a/b?c", "https://results.example:8443"),
        ("http://192.168.0.2:34567/", "http://192.168.0.2:34567"),
        ("http://[fe80::1]:80/", "http://[fe80::1]:80"),
        *((bad, "") for bad in ("", "results.example", "ftp://x", "http://", "http://x:port/", "https://[x/")),
    ],
)
def test_the_origin_of_the_service(url: str, origin: str) -> None:
    assert ServiceAccess(results_url=url).origin == origin


@pytest.mark.parametrize(("text", "limit"), [("", 0), ("0", 0), ("90", 90), ("x", 0), ("-5", 0), (" 9 ", 9)])
def test_the_limit_of_the_repository(text: str, limit: int) -> None:
    assert ServiceAccess.from_environment({"GITHUB_RETENTION_DAYS": text}).retention_limit == limit


@pytest.mark.parametrize("changes", [{"repository": ""}, {"run_id": ""}, {"on_act": True}])
def test_no_page_to_link_to(changes: dict[str, Any]) -> None:
    assert ServiceAccess(**{"repository": "o/r", "run_id": "1", **changes}).artifact_url(5) == ""


def test_secrets_are_masked_once_and_cut_out() -> None:
    masked: list[str] = []
    secrets = Secrets(masked.append)
    secrets.add("token-token", "token-token", "", "short")
    secrets.add_signature("https://x/y?se=1&sig=abc%2Bdefgh%3D&sp=cw")
    assert masked == ["token-token", "abc%2Bdefgh%3D", "abc+defgh="]
    assert secrets.clean("a token-token\r\n::error::b\tsig=abc+defgh= abc%2Bdefgh%3D") == "a *** ::error::b sig=*** ***"
    assert len(secrets.clean("x" * 1000)) == 300
    secrets.add_signature("https://x/y?key=something-else")
    assert masked[-1] == "key=something-else"


def test_addresses_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG):
        with web.quiet():
            logger.debug("GET /?sig=secret")
            logger.warning("important")
        logger.debug("afterwards")
    assert [record.getMessage() for record in caplog.records] == ["important", "afterwards"]


def test_errors_are_failures_to_publish() -> None:
    error = ArtifactError("No.")
    assert isinstance(error, PublishError)
    assert error.code is ExitCode.PUBLISH
    assert "actions/upload-artifact" in error.advice
