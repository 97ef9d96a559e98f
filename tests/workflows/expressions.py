"""The expressions of GitHub's workflows, as much of them as ours use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(==|!=|&&|\|\||[!(),])|([A-Za-z_][\w.-]*)|(\d+))")


@dataclass
class Context:
    """What the names stand for, and how the steps before this one ended."""

    names: Mapping[str, Any]
    failed: bool = False


@dataclass
class _Parser:
    tokens: list[str]
    context: Context
    at: int = field(default=0)

    def either(self) -> Any:
        left = self.both()
        while self._take("||"):
            right = self.both()
            left = left or right
        return left

    def both(self) -> Any:
        left = self.equality()
        while self._take("&&"):
            right = self.equality()
            left = left and right
        return left

    def equality(self) -> Any:
        left = self.single()
        if self._take("=="):
            return _same(left, self.single())
        if self._take("!="):
            return not _same(left, self.single())
        return left

    def single(self) -> Any:
        if self._take("!"):
            return not self.single()
        if self._take("("):
            inner = self.either()
            assert self._take(")")
            return inner
        token = self.tokens[self.at]
        self.at += 1
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdigit():
            return int(token)
        return self._call(token) if self._take("(") else self._look_up(token)

    def _call(self, name: str) -> bool:
        assert self._take(")")
        return {"always": True, "success": not self.context.failed, "failure": self.context.failed}[name]

    def _look_up(self, name: str) -> Any:
        value: Any = self.context.names
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _take(self, token: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == token
        self.at += found
        return found


def evaluate(text: str, context: Context) -> Any:
    """Return the value of one expression; a name that stands for nothing is None, as GitHub's null."""
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found, f"this runner does not read {text[at:]!r}"
        tokens.append(found[0].strip())
        at = found.end()
    parser = _Parser(tokens, context)
    value = parser.either()
    assert parser.at == len(tokens), f"this runner does not read all of {text!r}"
    return value


def filled(text: str, context: Context) -> str:
    """Return a text with its `${{ }}` replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(evaluate(found[1], context)), text)


def holds(condition: str | None, context: Context) -> bool:
    """Whether a step or a job runs: only after success, unless its condition asks for how it went."""
    if condition is None:
        return not context.failed
    asks = re.search(r"\b(always|success|failure)\(\)", condition)
    return (bool(asks) or not context.failed) and bool(evaluate(condition, context))


def _same(left: Any, right: Any) -> bool:
    """Compare as GitHub does: null is an empty text, and texts are compared without case."""
    return _text(left).lower() == _text(right).lower()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
