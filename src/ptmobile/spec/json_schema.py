"""What the JSON Schemas made from types have in common: descriptions fit to be shown in an editor."""

from __future__ import annotations

import inspect
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def tidy(schema: Any) -> Any:
    """The schema with docstrings as plain text: no indentation, no markup, one line per paragraph."""
    if isinstance(schema, list):
        return [tidy(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _plain(value) if key == "description" and isinstance(value, str) else tidy(value)
        for key, value in schema.items()
    }


def _plain(text: str) -> str:
    paragraphs = inspect.cleandoc(text).replace("``", "").split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
