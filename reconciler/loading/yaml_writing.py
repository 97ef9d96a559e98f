"""YAML nodes and scalars as the canonical form writes them."""

import io
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml
from yaml.emitter import Emitter
from yaml.resolver import Resolver

_TEXT = "tag:yaml.org,2002:str"

#: Plain for PyYAML, yet something else to other readers or to an eye: `1e3`, `0o10`, `y`, `01-02`.
_LOOKS_OTHERWISE = re.compile(r"[-+.~]?[\d.][\d_.,:eExXoOTZ+ -]*|[yYnN]|=|<<|null|true|false", re.IGNORECASE)

#: What JSON leaves as it is and YAML must not meet: line breaks of its own, and what it cannot print.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def written(text: str, *, in_flow: bool = False) -> str:
    """Return a text as a YAML scalar on one line, quoted only if necessary.

    It is quoted where, without quotes, it would be a number, a date, true, false, or null to PyYAML
    or to YAML 1.2.
    """
    if _may_be_plain(text, in_flow=in_flow):
        return text
    if not _needs_escapes(text) and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    escaped = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", escaped)


def _may_be_plain(text: str, *, in_flow: bool) -> bool:
    if text != text.strip() or not text or _LOOKS_OTHERWISE.fullmatch(text) or _tag(text) != _TEXT:
        return False
    analysis = _emitter().analyze_scalar(text)
    if analysis.multiline or not analysis.allow_single_quoted:
        return False
    return bool(analysis.allow_flow_plain if in_flow else analysis.allow_block_plain)


def _needs_escapes(text: str) -> bool:
    analysis = _emitter().analyze_scalar(text)
    return bool(analysis.multiline or not analysis.allow_single_quoted or _UNPRINTABLE.search(text))


def _tag(text: str) -> str:
    """Return what PyYAML takes a plain scalar for."""
    return str(_resolver().resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


@cache
def _resolver() -> Resolver:
    return Resolver()


@cache
def _emitter() -> Emitter:
    return Emitter(io.StringIO(), allow_unicode=True)


_TAG = "tag:yaml.org,2002:"

#: A paragraph reads best as a block, where nothing of it needs an escape or the indentation to be counted.
_BLOCK_OF_TEXT = re.compile(
    r"[^\s\x7f-\x9f\u2028\u2029\ufeff](?:[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff])*"
)


def scalar(value: str | int | bool | None) -> yaml.ScalarNode:
    """Return a scalar node that reads as exactly that value.

    A text of several lines asks for a block.
    """
    match value:
        case None:
            return yaml.ScalarNode(f"{_TAG}null", "null")
        case bool():
            return yaml.ScalarNode(f"{_TAG}bool", str(value).lower())
        case int():
            return yaml.ScalarNode(f"{_TAG}int", str(value))
        case str():
            return yaml.ScalarNode(f"{_TAG}str", value, style="|" if _reads_as_block(value) else '"')


def _reads_as_block(text: str) -> bool:
    lines = text.split("\n")
    return len(lines) > 1 and all(not line or _is_plain_line(line) for line in lines) and bool(lines[-1])


def _is_plain_line(line: str) -> bool:
    return line == line.strip() and _BLOCK_OF_TEXT.fullmatch(line) is not None


def node(value: Any, *, in_flow: bool = False) -> yaml.Node:
    """Return the YAML node of a plain value.

    Lists are on one line. Mappings are in a block unless `in_flow`.
    """
    if isinstance(value, Mapping):
        pairs = [(key_node(key), node(each, in_flow=in_flow)) for key, each in value.items()]
        return yaml.MappingNode(f"{_TAG}map", pairs, flow_style=in_flow)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return yaml.SequenceNode(f"{_TAG}seq", [node(each, in_flow=True) for each in value], flow_style=True)
    return scalar(value)


def key_node(name: str) -> yaml.ScalarNode:
    """Return the node of a key."""
    return yaml.ScalarNode(f"{_TAG}str", name)


def plain(node_: yaml.Node) -> Any:
    """Return the value of a node, as PyYAML reads it."""
    loader = yaml.CSafeLoader("")
    try:
        return loader.construct_object(node_, deep=True)
    finally:
        loader.dispose()
