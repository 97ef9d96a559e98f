"""The pages of docs/ that are written from the code: `python -m tests.documents` writes them again."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from textwrap import dedent

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.media_codes import MEDIA_CODES
from reconciler.loading.schema import catalog_schema
from reconciler.model.diagnostics import Severity
from reconciler.planning.ambiguities import Ambiguity
from reconciler.records.schema import grants
from tests.catalog_fields import catalog_fields
from tests.command_pages import command_pages
from tests.readme import recorded

DOCS = Path(__file__).parents[1] / "docs"
COMMANDS_FOLDER = DOCS / "commands"

_ROLES = {"read-only": "plan", "apply": "apply"}

_INTRODUCTION = """\
# Diagnostics

What `elmify validate`, and every command that reads the catalog, may find. All mistakes are shown at once,
each with its file, line and column. An error stops the command, a warning does not. A code keeps its meaning
for ever. `EL0xx` is about elmify.yaml and the environment, `EL1xx` about any YAML file and the catalog,
`EL3xx` about media and the lockfile; `EL5xx` are questions that only a plan can ask, knowing what is live.
"""


_SETTINGS = """\
# elmify.yaml

The file that makes a folder a project. Only `environment` is required; what stands behind a `#` here is the
default, and `elmify init` writes this very text. An unknown key is an error with a did-you-mean. Secrets are
refused: they come from the [environment](../README.md#in-production) alone.
"""


def diagnostics_page() -> str:
    """Return docs/diagnostics.md."""
    return "\n".join([_INTRODUCTION, *_mistakes(), *_media(), *_questions()])


def schema_page() -> str:
    """Return docs/catalog.schema.json."""
    return json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n"


def catalog_page() -> str:
    """Return docs/catalog.md: what a person wrote, with the fields as the schema has them."""
    return recorded((DOCS / "catalog.md").read_text(encoding="utf-8"), "fields", catalog_fields())


def settings_page() -> str:
    """Return docs/settings.md: elmify.yaml as `elmify init` writes it, which explains itself."""
    example = files("reconciler.loading").joinpath("example", "elmify.yaml").read_text(encoding="utf-8")
    return f"{_SETTINGS}\n```yaml\n{example.replace('{environment}', 'production')}```\n"


def operations_page() -> str:
    """Return docs/operations.md: what a person wrote, with the grants as the SQL files have them."""
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    for name in ("read-only", "apply"):
        statements = grants(f"{name.replace('-', '_')}_grants.sql", f"elmify_{_ROLES[name]}", "app")
        page = recorded(page, name, f"```sql\n{dedent(statements)}\n```")
    return page


def pages() -> Mapping[Path, str]:
    """Return every page that is written from the code."""
    return {
        DOCS / "diagnostics.md": diagnostics_page(),
        DOCS / "catalog.schema.json": schema_page(),
        DOCS / "catalog.md": catalog_page(),
        DOCS / "operations.md": operations_page(),
        DOCS / "settings.md": settings_page(),
        **{COMMANDS_FOLDER / name: text for name, text in command_pages().items()},
    }


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
    for question in Ambiguity:
        code, summary, meaning = question.value
        yield f"## {code}: {summary}\n"
        yield f"{meaning}\n"


def write_pages() -> None:
    """Write every page, and remove those of commands that are gone."""
    written = pages()
    COMMANDS_FOLDER.mkdir(exist_ok=True)
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    for page in COMMANDS_FOLDER.glob("*.md"):
        if page not in written:
            page.unlink()


if __name__ == "__main__":
    write_pages()
