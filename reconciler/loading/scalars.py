"""How a text is written in canonical YAML: plain where PyYAML and people read it alike, else in quotes."""

import io
import json
import re
from functools import cache

import yaml
from yaml.emitter import Emitter
from yaml.resolver import Resolver

_TEXT = "tag:yaml.org,2002:str"

#: Plain for PyYAML, yet something else to other readers or to an eye: `1e3`, `0o10`, `y`, `01-02`.
_LOOKS_OTHERWISE = re.compile(r"[-+.~]?[\d.][\d_.,:eExXoOTZ+ -]*|[yYnN]|=|<<|null|true|false", re.IGNORECASE)

#: What JSON leaves as it is and YAML must not meet: line breaks of its own, and what it cannot print.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def written(text: str, *, in_flow: bool = False) -> str:
    """Return a text as a YAML scalar on one line, quoted only where it has to be.

    It is quoted where plain it would be a number, a date, true, false, or null to PyYAML or to YAML 1.2.
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
