"""The first line of every docstring says what the thing is, in a line that is short enough to scan."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST_LINE_MAX_CHARS = 72
QUESTION_WORDS = frozenset({"What", "Which", "Whether", "Where", "Who", "Whose", "How", "When", "Why"})


def first_lines() -> Iterator[tuple[str, str]]:
    """Yield the place and the first line of each docstring of the program."""
    for folder in ("reconciler", "providers"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    docstring = ast.get_docstring(node)
                    if docstring:
                        name = getattr(node, "name", "")
                        yield f"{file.relative_to(ROOT)} {name}", docstring.splitlines()[0]


def test_first_lines_are_short() -> None:
    assert [place for place, line in first_lines() if len(line) > FIRST_LINE_MAX_CHARS] == []


def test_first_lines_answer_and_do_not_ask() -> None:
    assert [place for place, line in first_lines() if line.split()[0].rstrip(":,") in QUESTION_WORDS] == []
