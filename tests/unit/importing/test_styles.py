"""How columns are spelled: what most rows have is what elmify.yaml says, where it leaves that open."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.importing.styles import SettledStyles, settle_styles
from reconciler.loading.media_facts import MEDIA_TYPES
from reconciler.model.actual import Row, Snapshot
from reconciler.model.kinds import TABLES, Kind, Origin
from reconciler.model.outcomes import Reason
from reconciler.model.policy import FormatStyle, Layout, ReferenceStyle
from reconciler.settings import load_settings
from tests.unit.planning.worlds import CDN, collection_row, lecture_row, speaker_row, world

HEAD = f"# Ours.\nenvironment: live  # really\npublic_base_url: {CDN}\n"
COLUMNS = [(t.kind, c.name) for t in TABLES.values() for c in t.columns if c.origin is Origin.REFERENCE]


def rows_of(kind: Kind, column: str, values: list[Any]) -> list[Row]:
    match kind:
        case Kind.SPEAKER:
            return [speaker_row(n, f"S{n}", **{column: value}) for n, value in enumerate(values, start=1)]
        case Kind.COLLECTION:
            return [
                collection_row(n, 1, f"C{n}", **{column: value}) for n, value in enumerate(values, start=1)
            ]
        case Kind.LECTURE:
            return [
                lecture_row(n, f"L{n}", f"{n}.mp3", **{column: value})
                for n, value in enumerate(values, start=1)
            ]


def write(root: Path, found: SettledStyles) -> None:
    if found.text is not None:
        (root / "elmify.yaml").write_bytes(found.text.encode())


def settled(root: Path, text: str | None, snapshot: Snapshot) -> tuple[Layout, dict[str, Reason]]:
    """Settle the styles over an elmify.yaml, write it, and return the layout that it then gives."""
    if text is None:
        found = settle_styles(root, snapshot, Layout())
        assert found.text is None
        return found.layout, {each.subject: each.reason for each in found.findings}
    (root / "elmify.yaml").write_text(text)
    found = settle_styles(root, snapshot, load_settings(root, {}).policy.layout)
    write(root, found)
    layout = load_settings(root, {}).policy.layout
    assert layout == found.layout
    return layout, {each.subject: each.reason for each in found.findings}


@pytest.mark.parametrize(("kind", "column"), COLUMNS)
@pytest.mark.parametrize(
    ("values", "style"),
    [
        (["a.jpg", "b.jpg", f"{CDN}/c.jpg"], ReferenceStyle.KEY),
        (["a.jpg", f"{CDN}/b.jpg", f"{CDN}/c.jpg"], ReferenceStyle.URL),
        (["a.jpg", f"{CDN}/b.jpg"], ReferenceStyle.KEY),
        (["a.jpg", "https://old.example.net/b.jpg", "https://old.example.net/c.jpg"], ReferenceStyle.KEY),
        ([None, "", f"{CDN}/c.jpg"], ReferenceStyle.URL),
        ([None, ""], ReferenceStyle.KEY),
    ],
)
def test_a_column_of_images_is_spelled_as_most_rows_have_it(
    tmp_path: Path, kind: Kind, column: str, values: list[Any], style: ReferenceStyle
) -> None:
    snapshot = world(rows=rows_of(kind, column, values)).snapshot

    layout, findings = settled(tmp_path, HEAD, snapshot)

    assert layout.references.get(f"{TABLES[kind].name}.{column}", ReferenceStyle.KEY) is style
    assert (column in findings) == (style is ReferenceStyle.URL)


@pytest.mark.parametrize(
    ("formats", "style"),
    [
        ({"a.mp3": "audio/mpeg", "b.mp3": "audio/mpeg", "c.mp3": "mp3"}, FormatStyle.MEDIA_TYPE),
        ({"a.m4a": MEDIA_TYPES["m4a"], "b.mp3": "audio/mpeg"}, FormatStyle.MEDIA_TYPE),
        ({"a.mp3": "mp3", "b.m4a": "m4a", "c.mp3": "audio/mpeg"}, FormatStyle.EXTENSION),
        ({"a.mp3": "mp3", "b.mp3": "audio/mpeg"}, FormatStyle.EXTENSION),
        ({"a.mp3": "", "b.mp3": "MPEG"}, FormatStyle.EXTENSION),
        ({"a.wav": "audio/mpeg", "b.mp3": "mp3"}, FormatStyle.EXTENSION),
    ],
)
def test_a_format_is_spelled_as_most_rows_have_it(
    tmp_path: Path, formats: Mapping[str, str], style: FormatStyle
) -> None:
    rows = [
        lecture_row(n, f"L{n}", key, file_format=said)
        for n, (key, said) in enumerate(formats.items(), start=1)
    ]

    layout, _ = settled(tmp_path, HEAD, world(rows=rows).snapshot)

    assert layout.format_style is style


AUDIO_MPEG = [lecture_row(101, "A", "a.mp3", file_format="audio/mpeg")]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (HEAD, f"{HEAD}\ncolumns:\n  file_format: audio/mpeg\n"),
        (
            f"{HEAD}#columns:\n#  file_format: mp3\n\n# More.\nretention: 30d\n",
            (
                f"{HEAD}#columns:\n#  file_format: mp3\ncolumns:\n  file_format: audio/mpeg\n\n"
                "# More.\nretention: 30d\n"
            ),
        ),
        (
            f"columns:  # spelled\n    # images\n    image_url: key  # ours\n{HEAD}",
            "columns:  # spelled\n    file_format: audio/mpeg\n    # images\n    image_url: key  # ours\n"
            + HEAD,
        ),
        (f"columns:\n{HEAD}", f"columns:\n  file_format: audio/mpeg\n{HEAD}"),
        (HEAD.replace("\n", "\r\n"), f"{HEAD}\ncolumns:\n  file_format: audio/mpeg\n".replace("\n", "\r\n")),
    ],
)
def test_a_style_is_a_line_of_elmify_yaml_and_nothing_else_changes(
    tmp_path: Path, text: str, written: str
) -> None:
    file = tmp_path / "elmify.yaml"
    file.write_bytes(text.encode())

    write(tmp_path, settle_styles(tmp_path, world(rows=AUDIO_MPEG).snapshot, Layout()))

    assert file.read_bytes().decode() == written


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}columns: {{image_url: key}}\n",
        f"{HEAD}columns:\n  file_format: mp3\n",
        None,
    ],
)
def test_what_somebody_wrote_or_nobody_can_write_into_is_left_and_told(
    tmp_path: Path, text: str | None
) -> None:
    layout, findings = settled(tmp_path, text, world(rows=AUDIO_MPEG).snapshot)

    assert layout.format_style is FormatStyle.EXTENSION
    assert findings == {"file_format": Reason.STYLE}
    assert text is None or (tmp_path / "elmify.yaml").read_text() == text


def test_urls_are_no_style_without_a_base_url(tmp_path: Path) -> None:
    snapshot = world(rows=[speaker_row(1, "S", image_url=f"{CDN}/a.jpg")]).snapshot

    layout, findings = settled(tmp_path, "environment: live\n", snapshot)

    assert layout.references == {}
    assert findings == {"image_url": Reason.STYLE}
