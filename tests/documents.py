"""The pages of docs/ that are written from the code: `python -m tests.documents` writes them again."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.loading.media_codes import MEDIA_CODES
from reconciler.loading.schema import catalog_schema
from reconciler.model.diagnostics import Severity
from reconciler.planning.questions import Question
from reconciler.text.codes import Mistake

DOCS = Path(__file__).parents[1] / "docs"

_INTRODUCTION = """\
# Diagnostics

What `elmify validate`, and every command that reads the catalog, may find. All mistakes are shown at once,
each with its file, line and column. An error stops the command, a warning does not. A code keeps its meaning
for ever. `EL0xx` is about elmify.yaml and the environment, `EL1xx` about any YAML file and the catalog,
`EL3xx` about media and the lockfile; `EL5xx` are questions that only a plan can ask, knowing what is live.
"""


def diagnostics_page() -> str:
    """Return docs/diagnostics.md."""
    return "\n".join([_INTRODUCTION, *_mistakes(), *_media(), *_questions()])


def schema_page() -> str:
    """Return docs/catalog.schema.json."""
    return json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n"


def pages() -> Mapping[Path, str]:
    """Return every page that is written from the code."""
    return {DOCS / "diagnostics.md": diagnostics_page(), DOCS / "catalog.schema.json": schema_page()}


def _mistakes() -> Iterator[str]:
    for mistake in sorted(Mistake, key=lambda each: each.code):
        entry = mistake.value
        warning = " (warning)" if entry.severity is Severity.WARNING else ""
        yield f"## {entry.code}: {entry.summary}{warning}\n"
        yield f"{entry.meaning}\n"
        yield f"- Example: {entry.example}"
        yield f"- Remedy: {entry.remedy}\n"


def _media() -> Iterator[str]:
    for code, (summary, remedy) in sorted(MEDIA_CODES.items()):
        yield f"## {code}: {summary}\n"
        yield f"- Remedy: {remedy}\n"


def _questions() -> Iterator[str]:
    for question in Question:
        code, summary, meaning = question.value
        yield f"## {code}: {summary}\n"
        yield f"{meaning}\n"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
