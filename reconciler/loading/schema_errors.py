"""Validation errors of pydantic as diagnostics with positions.

A diagnostic points at the place in the file.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.text_rules import ID, flaw
from reconciler.loading.yaml import PROBLEMS_MAX, Document, Odd, YamlPath, reading_of
from reconciler.model.address import slug
from reconciler.model.diagnostics import Diagnostic

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "literal_error": "text",
}
_SHOWN_CHARS = 40
_BOUNDS = {
    "greater_than_equal": "at least {ge:,}",
    "less_than_equal": "at most {le:,}",
    "string_too_long": "at most {max_length} characters long",
}


def find_mistakes(adapter: TypeAdapter[Any], document: Document) -> tuple[Diagnostic, ...]:
    """Return what does not fit about a document whose notation could be read."""
    try:
        adapter.validate_python(document.value)
    except ValidationError as error:
        finder = _Finder(document, _schema(adapter))
        found = [each for one in error.errors(include_url=False) for each in finder.of(one)]
        return _capped(found)
    return ()


def _capped(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    if len(found) <= PROBLEMS_MAX:
        return tuple(found)
    detail = f"There are {len(found) - PROBLEMS_MAX:,} mistakes besides those shown."
    return (*found[:PROBLEMS_MAX], Mistake.TOO_MANY.at(found[PROBLEMS_MAX].position, detail))


@lru_cache(maxsize=8)
def _schema(adapter: TypeAdapter[Any]) -> Mapping[str, Any]:
    return adapter.json_schema()


class _Finder:
    """Turns one file's findings into diagnostics."""

    def __init__(self, document: Document, schema: Mapping[str, Any]) -> None:
        self._places = document.places
        self._value = document.value
        self._schema = schema

    def of(self, error: Any) -> Iterator[Diagnostic]:
        path: YamlPath = error["loc"]
        match error["type"]:
            case "extra_forbidden":
                yield self._unknown(path)
            case "missing":
                yield self._missing(path)
            case "string_pattern_mismatch":
                yield self._unfit(path, error["input"], error["ctx"]["pattern"])
            case "literal_error" if isinstance(error["input"], str):
                yield self._at(path, Mistake.NOT_ALLOWED, f"It is one of {error['ctx']['expected']}.")
            case type_ if type_ in _BOUNDS:
                yield self._out_of_bounds(path, error)
            case _:
                yield from self._wrong(path, error)

    def _unknown(self, path: YamlPath) -> Diagnostic:
        key, known = str(path[-1]), keys_at(self._schema, path[:-1])
        position = self._places.of_key(path)
        close = difflib.get_close_matches(key.lower(), known, n=1)
        if close:
            return Mistake.UNKNOWN_KEY.at(
                position, f"`{key}` is no field here.", f"Did you mean `{close[0]}`?"
            )
        hint = f"The fields here are {', '.join(known)}."
        return Mistake.UNKNOWN_KEY.at(position, f"`{key}` is no field here.", hint)

    def _missing(self, path: YamlPath) -> Diagnostic:
        field = path[-1]
        hint = "Formatting the catalog writes missing ids." if field == "id" else f"Add `{field}: …`."
        return Mistake.MISSING_FIELD.at(self._places.of_value(path[:-1]), f"`{field}` is missing.", hint)

    def _unfit(self, path: YamlPath, text: str, pattern: str) -> Diagnostic:
        if pattern != ID:
            return self._at(path, Mistake.UNFIT_TEXT, f"{_name(path)} {flaw(text, pattern)}.")
        proposal = slug(text)
        hint = f"Write it like `{proposal}`." if proposal else ""
        return self._at(path, Mistake.BAD_ID, f"{_quoted(text)} is no id.", hint)

    def _out_of_bounds(self, path: YamlPath, error: Any) -> Diagnostic:
        bounds = _BOUNDS[error["type"]].format(**error["ctx"])
        return self._at(path, Mistake.NOT_ALLOWED, f"{_name(path)} must be {bounds}.")

    def _wrong(self, path: YamlPath, error: Any) -> Iterator[Diagnostic]:
        expected = _EXPECTED.get(error["type"], "something else")
        match error["input"]:
            case Odd(reported=True):
                return
            case Odd(raw=""):
                yield self._at(path, Mistake.NULL, f"Nothing stands behind {_name(path)}.")
            case Odd(raw=raw):
                yield self._surprise(path, raw, expected)
            case None:
                yield self._null(path, expected)
            case bool() | int() as value if expected == "text":
                yield self._surprise(path, self._places.raw(path) or str(value), expected)
            case value:
                yield self._at(
                    path,
                    Mistake.WRONG_TYPE,
                    f"{_name(path)} must be {expected}, and this is {_sort_of(value)}.",
                )

    def _surprise(self, path: YamlPath, raw: str, expected: str) -> Diagnostic:
        detail = f"YAML reads `{raw}` as {reading_of(raw)}, and {_name(path)} must be {expected}."
        if expected == "text":
            return self._at(path, Mistake.SURPRISE, detail, f"Put it in quotes: {_quoted(raw)}")
        if expected == "a whole number":
            return self._at(
                path, Mistake.SURPRISE, detail, "Write it in plain digits, without 0 at the front."
            )
        return self._at(path, Mistake.SURPRISE, detail, f"Write {expected}.")

    def _null(self, path: YamlPath, expected: str) -> Diagnostic:
        raw = self._places.raw(path)
        detail = f"YAML reads `{raw}` as null, and {_name(path)} must have a value."
        return self._at(path, Mistake.NULL, detail, f"Write {expected}, or delete the line.")

    def _at(self, path: YamlPath, mistake: Mistake, detail: str, hint: str = "") -> Diagnostic:
        return mistake.at(self._places.of_value(path), detail, hint)


def keys_at(schema: Mapping[str, Any], path: YamlPath) -> Sequence[str]:
    """Return the fields that the JSON Schema allows at a path.

    They are the fields of the mapping at that path, in the schema's order.
    """
    definitions = schema.get("$defs", {})
    node = schema
    for step in (*path, None):
        while "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        if step is not None:
            node = node["items"] if isinstance(step, int) else node["properties"][step]
    return tuple(node.get("properties", ()))


def _name(path: YamlPath) -> str:
    """Return the name of a field for use in a sentence.

    An entry of a list is named after the list.
    """
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "the file"
    return f"`{names[-1]}`" if isinstance(path[-1], str) else f"an entry of `{names[-1]}`"


def _quoted(text: str) -> str:
    """Return the text as YAML would quote it."""
    return json.dumps(text, ensure_ascii=False) if "'" in text or "\n" in text else f"'{text}'"


def _sort_of(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int():
            return "a number"
        case str():
            return f"the text {_quoted(value)}" if len(value) <= _SHOWN_CHARS else "text"
        case list():
            return "a list"
        case _:
            return "a mapping"
