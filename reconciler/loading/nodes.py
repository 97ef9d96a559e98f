"""Values → YAML nodes, as the canonical form writes them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"

#: A paragraph reads best as a block, where nothing of it needs an escape or the indentation to be counted.
_BLOCK_OF_TEXT = re.compile(
    r"[^\s\x7f-\x9f\u2028\u2029\ufeff](?:[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff])*"
)


def scalar(value: str | int | bool | None) -> yaml.ScalarNode:
    """Return a scalar that reads as that very value; a text of several lines asks for a block."""
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
    """Return the node of a plain value: lists on one line, mappings in a block unless `in_flow`."""
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
