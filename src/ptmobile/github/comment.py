"""A comment in a pull request that is kept up to date: found by a mark that readers do not see, changed in place.

The mark stands in the first line and names the comment and what it says, so that several steps of a repository keep a
comment each, and one that says the same already can be left alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ptmobile.github.rest import NotAllowedError, RestClient, RestError
from ptmobile.spec.publishing import CommentWhen

COMMENT_LIMIT: Final = 65_536
"""Characters that GitHub takes. Bytes are counted instead, which are never fewer."""

_MARK = re.compile(r"\A<!-- ptmobile-action comment (?P<id>[0-9a-f]{16}) (?P<result>[0-9a-f]{16}) (?P<verdict>\w+) -->")
# Who may have put a mark there: a stranger who copies one must not have his comment rewritten in our name.
_TRUSTED: Final = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_ATTEMPTS: Final = 3

Done = Literal["created", "updated", "unchanged", "not needed"]


@dataclass(frozen=True)
class Comment:
    """What to write: `key` tells comments of a pull request apart, `result` is the same for the same result."""

    key: str
    result: str
    verdict: Literal["passed", "failed"]
    body: str

    @property
    def text(self) -> str:
        """The body with its mark."""
        return f"<!-- ptmobile-action comment {_short(self.key)} {_short(self.result)} {self.verdict} -->\n{self.body}"


@dataclass(frozen=True)
class Written:
    """What became of a comment, and its page."""

    done: Done
    url: str = ""


class CommentedPullRequest:
    """The comments of one pull request; ``repository`` is ``owner/name``."""

    def __init__(self, client: RestClient, repository: str, number: int) -> None:
        self._client = client
        self._repository = repository
        self._comments = f"/repos/{repository}/issues/{number}/comments"

    def write(self, comment: Comment, when: CommentWhen) -> Written:
        """Create the comment, or bring it up to date, as far as `when` asks for it.

        Raises:
            RestError: it could not be written; a `NotAllowedError` if the token may not.
        """
        found = self._find(comment.key)
        for attempt in range(_ATTEMPTS):
            if found is None and when == "failures" and comment.verdict == "passed":
                return Written("not needed")
            if found is not None and (_is_the_same(found, comment, when)):
                return Written("unchanged", _url(found))
            try:
                return self._update(found, comment) if found is not None else self._create(comment)
            except NotAllowedError as error:
                # It was removed since it was found.
                if found is None or error.status != 404:
                    raise
                found = None
            except RestError as error:
                if found is not None or not error.maybe_done or attempt == _ATTEMPTS - 1:
                    raise
                found = self._find(comment.key)  # the answer may have been lost, and the comment be there
        raise RestError("The comment could not be written: it is removed again and again.")

    def _find(self, key: str) -> Mapping[str, Any] | None:
        for found in self._client.pages(self._comments):
            mark = _mark(found)
            if mark is not None and mark["id"] == _short(key) and _is_trusted(found):
                return found
        return None

    def _create(self, comment: Comment) -> Written:
        return Written("created", _url(self._client.post(self._comments, {"body": comment.text}).data))

    def _update(self, found: Mapping[str, Any], comment: Comment) -> Written:
        path = f"/repos/{self._repository}/issues/comments/{int(found['id'])}"
        return Written("updated", _url(self._client.patch(path, {"body": comment.text}).data))


def _is_the_same(found: Mapping[str, Any], comment: Comment, when: CommentWhen) -> bool:
    mark = _mark(found)
    if when == "changes" and mark is not None:
        return (mark["result"], mark["verdict"]) == (_short(comment.result), comment.verdict)
    return str(found.get("body", "")).replace("\r\n", "\n").rstrip() == comment.text.rstrip()


def _mark(found: Mapping[str, Any]) -> re.Match[str] | None:
    body = found.get("body")
    return _MARK.match(body) if isinstance(body, str) and isinstance(found.get("id"), int) else None


def _is_trusted(found: Mapping[str, Any]) -> bool:
    user = found.get("user")
    is_bot = isinstance(user, dict) and user.get("type") == "Bot"
    return is_bot or found.get("author_association") in _TRUSTED


def _url(data: object) -> str:
    url = data.get("html_url") if isinstance(data, dict) else None
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) and url.isprintable() else ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


#: What the mark takes, in bytes.
MARK_SIZE: Final = len(Comment("", "", "passed", "").text)
