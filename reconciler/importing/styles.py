"""Styles of columns, as most rows have them.

A column of images holds keys or URLs, a format is an extension or a media type.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from reconciler.loading.media_facts import MEDIA_TYPES
from reconciler.model.actual import Row, Snapshot
from reconciler.model.kinds import TABLES, Column, Kind, Origin
from reconciler.model.outcomes import ImportFinding, Reason
from reconciler.model.policy import FormatStyle, Layout, ReferenceStyle
from reconciler.model.values import nfc
from reconciler.planning.object_keys import extension_of
from reconciler.planning.references import split_reference, style_of
from reconciler.settings.ignore_entries import NotWritable
from reconciler.settings.section_entries import section_in, with_entries
from reconciler.settings.source import CONFIG_NAME

_FORMAT_WORDS = {FormatStyle.EXTENSION: "mp3", FormatStyle.MEDIA_TYPE: "audio/mpeg"}

#: A URL on another base than `public_base_url`: a plan corrects it whatever the style.
_FOREIGN = "url-elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStyle:
    """The style that leaves most rows of a column as they are.

    `said` is the style of elmify.yaml, both in the words of `columns:`; `rows` have the better one, `of` any.
    """

    kind: Kind
    column: str
    said: str
    better: str
    rows: int
    of: int


def better_styles(snapshot: Snapshot, layout: Layout) -> Iterator[ColumnStyle]:
    """Yield the columns that most rows have in another style.

    It is another than elmify.yaml says, and a plan would rewrite these rows.
    """
    for table in TABLES.values():
        rows = list(snapshot.rows[table.kind].values())
        for column in table.columns:
            if column.origin is Origin.FORMAT:
                said = _FORMAT_WORDS[layout.format_style]
                yield from _better(table.kind, column, rows, _format_style, said)
            elif column.origin is Origin.REFERENCE:
                style = partial(_reference_style, column, layout)
                yield from _better(
                    table.kind, column, rows, style, style_of(column, table.kind, layout).value
                )


def _better(
    kind: Kind, column: Column, rows: Iterable[Row], style: Callable[[Row], str | None], said: str
) -> Iterator[ColumnStyle]:
    counts = Counter(found for row in rows if (found := style(row)) is not None)
    words = sorted(word for word in counts if word != _FOREIGN)
    best = max(words, key=lambda word: counts[word], default=said)
    if counts[best] > counts[said]:
        yield ColumnStyle(
            kind=kind, column=column.name, said=said, better=best, rows=counts[best], of=counts.total()
        )


def _reference_style(column: Column, layout: Layout, row: Row) -> str | None:
    value = row[column.name]
    if not isinstance(value, str) or not value:
        return None
    base = split_reference(nfc(value))[0]
    if base is None:
        return ReferenceStyle.KEY.value
    return ReferenceStyle.URL.value if layout.base_url in {base, None} else _FOREIGN


def _format_style(row: Row) -> str | None:
    extension, said = extension_of(str(row["file_path"])), row["file_format"]
    if said and said == extension:
        return _FORMAT_WORDS[FormatStyle.EXTENSION]
    is_media_type = bool(said) and said == MEDIA_TYPES.get(extension)
    return _FORMAT_WORDS[FormatStyle.MEDIA_TYPE] if is_media_type else None


def with_styles(layout: Layout, styles: Iterable[ColumnStyle]) -> Layout:
    """Return the layout with the better styles."""
    references, format_style = dict(layout.references), layout.format_style
    for each in styles:
        if each.better in {*ReferenceStyle}:
            references[f"{TABLES[each.kind].name}.{each.column}"] = ReferenceStyle(each.better)
        else:
            format_style = next(style for style, word in _FORMAT_WORDS.items() if word == each.better)
    return replace(layout, references=references, format_style=format_style)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledStyles:
    """Styles settled for an import.

    They are in `layout`, and in the `text` of elmify.yaml, which is None when nothing is to be written.
    `findings` say what was settled, and what was not: a column that `columns:` says otherwise, or URLs
    without a `public_base_url`.
    """

    layout: Layout
    text: str | None = None
    findings: tuple[ImportFinding, ...] = ()


def settle_styles(root: Path, snapshot: Snapshot, layout: Layout) -> SettledStyles:
    """Settle the styles that elmify.yaml leaves open, as most rows have them."""
    found = list(better_styles(snapshot, layout))
    columns = section_in(root, "columns") or {}
    is_open = {each.column: _is_open(each, columns, layout) for each in found}
    file, text = root / CONFIG_NAME, None
    chosen = [each for each in found if is_open[each.column]]
    try:
        entries = {each.column: each.better for each in chosen}
        if chosen and file.is_file():
            text = with_entries(file.read_bytes().decode(), "columns", entries)
    except NotWritable:
        text = None
    settled = chosen if text is not None else []
    return SettledStyles(
        layout=with_styles(layout, settled),
        text=text,
        findings=tuple(
            _finding(each, Reason.STYLE_WRITTEN if each in settled else Reason.STYLE) for each in found
        ),
    )


def _is_open(style: ColumnStyle, columns: Mapping[str, object], layout: Layout) -> bool:
    needs_base = style.better == ReferenceStyle.URL.value and layout.base_url is None
    return style.column not in columns and not needs_base


def _finding(style: ColumnStyle, reason: Reason) -> ImportFinding:
    detail = f"{style.rows:,} of {style.of:,} rows hold it as {style.better}, not as {style.said}"
    return ImportFinding(reason=reason, subject=style.column, detail=detail)
