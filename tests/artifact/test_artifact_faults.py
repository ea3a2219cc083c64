"""A service and a store that misbehave: what is tried again, how long is waited, what is published, what is said."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import json
import socket
import time
import traceback
import urllib.parse
from dataclasses import replace
from typing import Any

import pytest
from artifact_blobs import BLOCK, OwnStore
from artifact_http import Fault, empty, lost, refuses, reset, slow, stalls, torn, web_page
from artifact_service import OTHER_JOB, ResultsService
from artifact_upload import Uploader, content_of

from ptmobile.github.artifact import (
    ArtifactError,
    NameTakenError,
    Patience,
    QuotaError,
    RateLimitError,
    RefusedError,
    ServiceFaultError,
    UnreachableError,
    Waits,
)

TRANSIENT = [500, 502, 503, 504, 429, 408]
QUOTA = "Create Artifact Container failed: insufficient usage to create artifact"


def fails(uploader: Uploader, service: ResultsService, **fields: Any) -> ArtifactError:
    """The error of an upload; nothing secret is in it or in what Python would print of it, and nothing is published."""
    with pytest.raises(ArtifactError) as caught:
        uploader.raw(service, **fields)
    error: BaseException | None = caught.value
    printed, shown = "", error
    while shown is not None:
        printed += "".join(traceback.format_exception(shown)) + repr(shown.args)
        shown = shown.__context__  # also where `from None` hides it
    assert isinstance(service.store, OwnStore)
    for secret in (service.token, service.store.signature, urllib.parse.unquote(service.store.signature)):
        assert secret not in printed
    assert "actions/upload-artifact" in caught.value.advice
    assert not any(one.number for one in service.artifacts)
    return caught.value


@pytest.mark.parametrize("fault", [*map(refuses, TRANSIENT), web_page(502), web_page(200), empty(500), reset(), torn()])
@pytest.mark.parametrize("method", ["CreateArtifact", "FinalizeArtifact"])
def test_the_service_fails_once(method: str, fault: Fault, service: ResultsService, uploader: Uploader) -> None:
    service.script(method, fault)
    uploader.raw(service)
    assert uploader.waits == [3.0]
    assert service.published("net.ptl")[0] == b"weights"


@pytest.mark.parametrize("fault", [*map(empty, TRANSIENT), reset(), torn(), lost()])
@pytest.mark.parametrize("request_", ["block", "blocklist"])
def test_the_store_fails_once(
    request_: str, fault: Fault, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    store.script(request_, fault)
    content = content_of(BLOCK + 5)
    uploader.raw(service, content)
    assert uploader.waits == [3.0]
    assert service.published("net.ptl")[0] == content


def test_a_store_that_takes_nothing_more(service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    store.script("block", *[stalls(10)] * 5)
    error = fails(uploader, service, content=bytes(BLOCK), waits=Waits(send=0.3))
    assert error.message.endswith("127.0.0.1 took nothing more for too long. It was tried 5 times.")


@pytest.mark.parametrize("where", ["FinalizeArtifact", "block", "blocklist"])
def test_an_answer_that_comes_too_late(
    where: str, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    (store if where.startswith("block") else service).script(where, slow(5))
    uploader.raw(service, waits=Waits(answer=2))
    assert uploader.waits[0] == 3.0
    assert service.published("net.ptl")[0] == b"weights"
    service.violations.clear()  # a second request to finalise is right here


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (refuses(503, "busy"), ServiceFaultError, "does not carry out CreateArtifact: busy (HTTP 503)."),
        (refuses(429, "slow down"), RateLimitError, "slow down (HTTP 429)."),
        (web_page(502), ServiceFaultError, "answer to CreateArtifact (HTTP 502) is not JSON."),
        (web_page(403), ServiceFaultError, "answer to CreateArtifact (HTTP 403) is not JSON."),
        (reset(), UnreachableError, "127.0.0.1 ended the connection."),
        (slow(2), UnreachableError, "127.0.0.1 did not answer in time."),
    ],
)
def test_the_service_fails_always(
    fault: Fault, kind: type[ArtifactError], message: str, service: ResultsService, uploader: Uploader
) -> None:
    service.script("CreateArtifact", *[fault] * 9)
    error = fails(uploader, service, waits=Waits(answer=0.2))
    assert type(error) is kind
    assert error.message.endswith(f"{message} It was tried 5 times.")
    assert service.count("CreateArtifact") == 5


@pytest.mark.parametrize(
    "expected",
    [
        (empty(503), ServiceFaultError, "did not take the upload (HTTP 503)."),
        (empty(429), RateLimitError, "wants fewer requests (HTTP 429)."),
        (reset(), UnreachableError, "The store of the artifact service cannot be reached: 127.0.0.1 ended"),
    ],
)
@pytest.mark.parametrize("request_", ["block", "blocklist"])
def test_the_store_fails_always(
    request_: str,
    expected: tuple[Fault, type[ArtifactError], str],
    service: ResultsService,
    store: OwnStore,
    uploader: Uploader,
) -> None:
    fault, kind, message = expected
    store.script(request_, *[fault] * 9)
    error = fails(uploader, service)
    assert type(error) is kind
    assert message in error.message
    assert error.message.endswith("It was tried 5 times.")
    assert store.count(request_) == 5
    assert service.count("FinalizeArtifact") == 0


def test_waits_grow_and_differ(service: ResultsService, uploader: Uploader) -> None:
    service.script("CreateArtifact", *[refuses(503)] * 9)
    fails(uploader, service)
    ranges = [(3.0, 3.0), (4.5, 6.75), (6.75, 10.125), (10.125, 15.1875)]
    assert len(uploader.waits) == len(ranges)
    assert all(low <= wait <= high for wait, (low, high) in zip(uploader.waits, ranges, strict=True))
    assert len({Patience().wait(3) for _ in range(20)}) == 20


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("where", ["CreateArtifact", "FinalizeArtifact", "block", "blocklist"])
def test_a_server_that_names_a_time_is_not_asked_earlier(
    where: str, status: int, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    server = store if where.startswith("block") else service
    server.script(where, refuses(status, Retry_After="40"), refuses(status, Retry_After="1"))
    uploader.raw(service)
    assert uploader.waits[0] == 40
    assert 4.5 <= uploader.waits[1] <= 6.75


def test_a_time_can_be_a_date(service: ResultsService, uploader: Uploader) -> None:
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    service.script("CreateArtifact", refuses(429, Retry_After=in_a_minute))
    uploader.raw(service)
    assert 50 < uploader.waits[0] <= 60


@pytest.mark.parametrize("where", ["CreateArtifact", "block"])
def test_nobody_waits_for_an_hour(where: str, service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    (store if where == "block" else service).script(where, refuses(429, Retry_After="3600"))
    error = fails(uploader, service)
    assert type(error) is RateLimitError
    assert error.message.endswith("It asks to wait 3600 seconds.")
    assert uploader.waits == []


@pytest.mark.parametrize(
    ("status", "kind"), [(400, RefusedError), (401, RefusedError), (403, RefusedError), (409, NameTakenError)]
)
def test_what_is_refused_is_not_tried_again(
    status: int, kind: type[ArtifactError], service: ResultsService, uploader: Uploader
) -> None:
    service.script("CreateArtifact", refuses(status, f"nope {service.token}\n::error::x \x1b[31m"))
    error = fails(uploader, service)
    assert type(error) is kind
    assert f"nope *** ::error::x ␛[31m (HTTP {status})" in error.message
    assert service.count("CreateArtifact") == 1


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_full_quota_is_not_tried_again(status: int, service: ResultsService, uploader: Uploader) -> None:
    service.script("CreateArtifact", refuses(status, QUOTA))
    error = fails(uploader, service)
    assert type(error) is QuotaError
    assert "Delete old artifacts" in error.advice
    assert service.count("CreateArtifact") == 1


@pytest.mark.parametrize("status", [400, 403, 404, 413])
@pytest.mark.parametrize("request_", ["block", "blocklist"])
def test_what_the_store_refuses(
    request_: str, status: int, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    body = b"<Error><Code>AuthenticationFailed</Code><Message>sig=abc</Message></Error>"
    store.script(request_, Fault(status, body, {"x-ms-error-code": "AuthenticationFailed"}))
    error = fails(uploader, service, content=bytes(BLOCK + 1))
    assert type(error) is RefusedError
    assert f"(HTTP {status}, AuthenticationFailed)" in error.message
    assert "sig=" not in error.message
    assert uploader.waits == []


def test_a_block_that_arrived_damaged_is_sent_again(
    service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    store.script("block", Fault(400, b"", {"x-ms-error-code": "Md5Mismatch"}))
    uploader.raw(service)
    md5 = base64.b64encode(hashlib.md5(b"weights").digest()).decode()
    assert [request.headers["content-md5"] for request in store.requests[:2]] == [md5, md5]


def test_after_a_failed_block_no_more_are_sent(service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    store.script("block", empty(403))
    fails(uploader, service, content=bytes(20 * BLOCK))
    assert store.count("block") < 12
    assert store.count("blocklist") == 0


@pytest.mark.parametrize("again", [[], [lost()] * 4, [refuses(503)] * 4, [refuses(409)], [reset()] * 4])
def test_a_lost_answer_of_finalize_is_looked_up(
    again: list[Fault], service: ResultsService, uploader: Uploader
) -> None:
    """The first request was carried out; those after it find nothing to finalise, or nobody."""
    service.publish("net.ptl.other", b"weights")
    service.script("FinalizeArtifact", lost(), *again)
    uploaded = uploader.raw(service)
    assert service.count("FinalizeArtifact") == min(1 + max(1, len(again)), 5)
    assert service.kinds()[-1] == "ListArtifacts"
    assert uploaded.id == next(one.number for one in service.artifacts if one.name == "net.ptl")
    service.violations.clear()  # a second request of the same kind is right here


@pytest.mark.parametrize("change", [{"digest": "sha256:" + "0" * 64}, {"size": 8}, {"job": OTHER_JOB}])
def test_what_is_listed_must_be_ours(
    change: dict[str, Any], service: ResultsService, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ResultsService._entry
    monkeypatch.setattr(service, "_entry", lambda kept: entry(service, replace(kept, **change)))
    service.script("FinalizeArtifact", lost(), *[reset()] * 4)
    with pytest.raises(UnreachableError, match="ended the connection"):
        uploader.raw(service)
    assert service.kinds()[-1] == "ListArtifacts"


def test_a_finalize_that_was_never_done_fails(service: ResultsService, uploader: Uploader) -> None:
    service.script("FinalizeArtifact", *[refuses(503, "busy")] * 5)
    assert "busy" in fails(uploader, service).message
    assert service.kinds()[-1] == "ListArtifacts"


def test_a_list_that_fails_too_does_not_hide_why(service: ResultsService, uploader: Uploader) -> None:
    service.script("FinalizeArtifact", *[refuses(503, "busy")] * 5)
    service.script("ListArtifacts", refuses(403, "not for you"))
    assert "busy" in fails(uploader, service).message


def test_a_refused_finalize_is_not_looked_up(service: ResultsService, uploader: Uploader) -> None:
    service.script("FinalizeArtifact", refuses(400, "no"))
    fails(uploader, service)
    assert service.count("ListArtifacts") == 0


def test_a_lost_answer_of_create_may_have_taken_the_name(service: ResultsService, uploader: Uploader) -> None:
    service.script("CreateArtifact", lost())
    error = fails(uploader, service)
    assert type(error) is NameTakenError
    assert "An attempt of this upload whose answer was lost may have taken the name." in error.message


def test_a_lost_answer_of_delete_counts_as_done(service: ResultsService, uploader: Uploader) -> None:
    service.publish("net.ptl", b"old")
    service.script("DeleteArtifact", lost())
    assert uploader.raw(service, overwrite=True).notices == ()
    assert service.published("net.ptl")[0] == b"weights"


def test_overwrite_goes_on_where_it_cannot_look(service: ResultsService, uploader: Uploader) -> None:
    service.script("ListArtifacts", refuses(403, "not for you"))
    (notice,) = uploader.raw(service, overwrite=True).notices
    assert notice.startswith("The artifact of the same name was not removed: ")
    assert "not for you (HTTP 403)" in notice


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("CreateArtifact", {"ok": False, "signed_upload_url": "https://x/"}),
        ("CreateArtifact", {"signed_upload_url": "https://x/"}),
        ("CreateArtifact", {"ok": True}),
        ("CreateArtifact", {"ok": True, "signed_upload_url": "file:///etc/passwd"}),
        ("CreateArtifact", {"ok": True, "signed_upload_url": "https://x/\r\nHost: y"}),
        ("FinalizeArtifact", {"ok": False, "artifact_id": "5"}),
    ],
)
def test_answers_that_cannot_be_used(
    method: str, answer: dict[str, Any], service: ResultsService, uploader: Uploader
) -> None:
    service.script(method, Fault(200, json.dumps(answer).encode()))
    assert type(fails(uploader, service)) is ServiceFaultError
    assert service.count(method) == 1


def test_nobody_is_there(service: ResultsService, uploader: Uploader) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        access = service.access(ACTIONS_RESULTS_URL=f"http://127.0.0.1:{taken.getsockname()[1]}/")
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 does not accept the connection\. It was tried 5"):
            uploader.upload(access, [uploader.file("net.ptl", b"weights")])
    access = service.access(ACTIONS_RESULTS_URL="http://results.invalid/")
    with pytest.raises(UnreachableError, match=r"the name results\.invalid cannot be resolved"):
        uploader.upload(access, [uploader.file("net.ptl", b"weights")])


def test_answers_may_be_in_camel_case(service: ResultsService, uploader: Uploader) -> None:
    service.script("FinalizeArtifact", Fault(200, b'{"ok":true,"artifactId":17,"somethingNew":{}}', after=True))
    assert uploader.raw(service).id == 17
