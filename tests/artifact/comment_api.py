"""GitHub's REST API as far as comments need it, strict in method, path, headers and pages."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from artifact_http import FaultyServer, Request, Response

REPOSITORY = "owner/models"
TOKEN = "token-of-the-job-0123456789"
LIMIT = 65_536
_COMMENTS = re.compile(rf"/repos/{REPOSITORY}/issues/(\d+)/comments")
_COMMENT = re.compile(rf"/repos/{REPOSITORY}/issues/comments/(\d+)")
_PULLS = f"/repos/{REPOSITORY}/pulls"
_OF_COMMIT = re.compile(rf"/repos/{REPOSITORY}/commits/([0-9a-f]{{40}})/pulls")
BOT = {"type": "Bot", "login": "github-actions[bot]"}


class CommentApi(FaultyServer):
    """One repository; ``comments`` are of pull requests by number, ``pulls`` are as the API shows them."""

    def __init__(self) -> None:
        super().__init__()
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.pulls: list[dict[str, Any]] = []
        self.may_write = True
        self._number = 9_000

    def add(self, pull: int, body: str, **fields: Any) -> dict[str, Any]:
        """Let somebody have commented."""
        self._number += 1
        html = f"https://github.com/{REPOSITORY}/pull/{pull}#issuecomment-{self._number}"
        comment = {"id": self._number, "body": body, "html_url": html, "user": BOT, "author_association": "NONE"}
        self.comments.setdefault(pull, []).append({**comment, **fields})
        return self.comments[pull][-1]

    def ours(self, pull: int = 7) -> list[str]:
        """The bodies that the action has written."""
        return [one["body"] for one in self.comments.get(pull, []) if one["body"].startswith("<!-- ptmobile")]

    def kind(self, method: str, target: str) -> str:
        return method

    def answer(self, request: Request) -> Response:
        check_headers(self, request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, "Bad credentials")
        parts = urlsplit(request.target)
        query = dict(parse_qsl(parts.query))
        if request.kind == "GET":
            return self._read(parts.path, query)
        self.demand(not query, f"{request.kind} with a query")
        self.demand(request.headers.get("content-type") == "application/json", "not JSON")
        body = request.json.get("body")
        self.demand(list(request.json) == ["body"] and isinstance(body, str), f"fields {list(request.json)}")
        if not self.may_write:
            return refusal(403, "Resource not accessible by integration")
        if len(body) > LIMIT:
            return refusal(422, f"body is too long (maximum is {LIMIT} characters)")
        return self._write(request.kind, parts.path, body)

    def _read(self, path: str, query: dict[str, str]) -> Response:
        per_page, page = query.pop("per_page", ""), query.pop("page", "")
        self.demand((per_page, page.isdigit()) == ("100", True), f"pages {per_page} {page}")
        if found := _COMMENTS.fullmatch(path):
            self.demand(not query, f"query {query}")
            return self._page(path, query, self.comments.get(int(found[1]), []), int(page))
        if path == _PULLS:
            self.demand(set(query) == {"state", "head"} and query["state"] == "open", f"query {query}")
            pulls = [one for one in self.pulls if one["head"]["label"] == query["head"] and one["state"] == "open"]
            return self._page(path, query, pulls, int(page))
        if found := _OF_COMMIT.fullmatch(path):
            # A commit that is only in a fork is not found this way.
            pulls = [one for one in self.pulls if one["head"]["sha"] == found[1] and not one["head"]["fork"]]
            return self._page(path, query, pulls, int(page))
        self.demand(False, f"path {path}")
        return refusal(404, "Not Found")

    def _page(self, path: str, query: dict[str, str], entries: list[dict[str, Any]], page: int) -> Response:
        links = next_page(f"{self.address}{path}", query, len(entries), page)
        return json_answer(200, entries[100 * (page - 1) : 100 * page], **links)

    def _write(self, method: str, path: str, body: str) -> Response:
        if method == "POST" and (found := _COMMENTS.fullmatch(path)):
            return json_answer(201, self.add(int(found[1]), body))
        if method == "PATCH" and (found := _COMMENT.fullmatch(path)):
            for comment in (one for of_pull in self.comments.values() for one in of_pull):
                if comment["id"] == int(found[1]):
                    comment["body"] = body
                    return json_answer(200, comment)
            return refusal(404, "Not Found")
        self.demand(False, f"{method} {path}")
        return refusal(404, "Not Found")


def check_headers(server: FaultyServer, request: Request) -> None:
    """What every request to the API has, and has not."""
    headers = request.headers
    server.demand(headers.get("accept") == "application/vnd.github+json", f"accepts {headers.get('accept')}")
    server.demand(headers.get("x-github-api-version") == "2022-11-28", "no version")
    server.demand(headers.get("user-agent", "").startswith("ptmobile-action/"), "no user agent")
    server.demand("cookie" not in headers and "transfer-encoding" not in headers, "a header too much")


def next_page(url: str, query: dict[str, str], entries: int, page: int) -> dict[str, str]:
    """The header that leads from a page of a list to the next one, if there is one."""
    if entries <= 100 * page:
        return {}
    target = f"{url}?{urlencode({**query, 'per_page': 100, 'page': page + 1})}"
    return {"Link": f'<{target}>; rel="next", <{target}>; rel="last"'}


def json_answer(status: int, data: object, **headers: str) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(data).encode(), {"Content-Type": "application/json; charset=utf-8", **headers})


def refusal(status: int, message: str) -> Response:
    """What the API says where it does nothing."""
    return json_answer(status, {"message": message, "documentation_url": "https://docs.github.com/rest"})
