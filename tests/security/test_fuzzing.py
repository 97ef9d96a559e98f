"""Whatever stands in a file, reading it ends in a value or in a diagnostic, never in another exception."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.loading.lockfile import HEADER, format_line, read_lockfile
from reconciler.model.address import is_id, parse_address, slug
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import ElmifyError, InvalidInput
from reconciler.model.kinds import Kind
from reconciler.planning.object_keys import TemplateRefused, key_problem, render_key, with_hash
from reconciler.planning.references import key_in
from reconciler.render.plan.json import dump_plan, load_plan
from reconciler.settings import load_settings
from tests.catalogs import CatalogProject
from tests.unit.planning.worlds import lecture, speaker
from tests.unit.render.plans import full_plan

#: A folder is made once and written over: what stands in it does not outlive an example.
ON_DISK = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_ODD = st.sampled_from(
    [
        "no",
        "22:22",
        "2025-01-01",
        "../x",
        "\x00",
        "\u202e",
        "٣",
        "a/b",
        "*x",
        "<<",
        "~",
        "1e999",
        "0x1F",
        "-0",
    ]
)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT | _ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT | _ODD, inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("id", "number", "title", "audio", "row", "previously", "protect", "categories", "lectures", "name")
_Read = TypeVar("_Read")


def read_or_refused(read: Callable[[], _Read]) -> tuple[_Read | None, ElmifyError | None]:
    """Return what was read, or the refusal; anything else that is raised fails the test."""
    try:
        return read(), None
    except ElmifyError as refused:
        return None, refused


_ENTRY = st.dictionaries(st.sampled_from(_FIELDS) | _TEXT, _VALUE, max_size=5)
_COLLECTION = st.fixed_dictionaries(
    {
        "collection": _ODD | st.just("quran"),
        "title": _VALUE,
        "lectures": st.lists(_ENTRY, max_size=3) | _VALUE,
    }
)


@pytest.fixture
def project(tmp_path: Path) -> CatalogProject:
    project = CatalogProject(tmp_path)
    project.lock("one.mp3")
    return project


@ON_DISK
@given(_COLLECTION | _ENTRY, st.fixed_dictionaries({"speaker": _VALUE, "name": _VALUE}) | _ENTRY)
def test_a_catalog_loads_or_says_why_not(
    project: CatalogProject, collection: dict[str, Any], speaker_file: dict[str, Any]
) -> None:
    for name, content in (("quran", collection), ("speaker", speaker_file)):
        text = yaml.safe_dump(content, allow_unicode=True)
        project.write(f"a/{name}.yaml", text.encode("utf-8", "surrogatepass"))

    loaded = project.load()

    errors = [found for found in loaded.diagnostics if found.severity == "error"]
    assert (loaded.catalog is None) == bool(errors)


_LINE = format_line(
    MediaFile(path="a/b.mp3", size_bytes=9, media_type="audio/mpeg", sha256="0" * 64, md5="1" * 32)
)


@ON_DISK
@given(st.lists(st.binary(max_size=40) | st.just(_LINE.encode()), max_size=4), st.data())
def test_a_lockfile_is_read_or_its_lines_are_named(
    tmp_path: Path, lines: list[bytes], data: st.DataObject
) -> None:
    line = _LINE.encode()
    cut = data.draw(st.integers(0, len(line)))
    mutated = line[:cut] + data.draw(st.binary(max_size=4)) + line[cut + data.draw(st.integers(0, 3)) :]
    path = tmp_path / "elmify.lock"
    path.write_bytes(b"\n".join([HEADER.encode(), *lines, mutated, b""]))

    files, found = read_lockfile(path, tmp_path)

    assert all(format_line(media).encode() in path.read_bytes() for media in files.values())
    assert all(diagnostic.position.line >= 1 for diagnostic in found)


_PLAN = dump_plan(full_plan())


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


_PLACES = [place for place in _places(json.loads(_PLAN)) if place]


@given(st.sampled_from(_PLACES), _VALUE)
def test_a_plan_file_with_anything_in_it_is_read_as_it_was_made_or_refused(
    place: tuple[str | int, ...], value: Any
) -> None:
    document = json.loads(_PLAN)
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value

    plan, refused = read_or_refused(lambda: load_plan(json.dumps(document), "plan.json"))

    if refused is not None:
        assert "plan.json" in f"{refused.message} {refused.hint} {refused.details}"
    if plan is not None:
        assert [change.change_id for change in plan.changes] == [c.change_id for c in full_plan().changes]


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("utf-8", "replace")))
def test_no_text_makes_the_plan_reader_raise_anything_else(text: str) -> None:
    with pytest.raises(ElmifyError):
        load_plan(text, "plan.json")


_SECTIONS = (
    "environment",
    "media",
    "catalog",
    "keys",
    "public_base_url",
    "guards",
    "retention",
    "transfer",
    "objects",
    "database",
)


@ON_DISK
@given(st.dictionaries(st.sampled_from(_SECTIONS) | _TEXT, _VALUE, max_size=4))
def test_settings_are_read_or_refused_with_their_places(tmp_path: Path, content: dict[str, Any]) -> None:
    text = yaml.safe_dump({"environment": "test", **content}, allow_unicode=True)
    (tmp_path / "elmify.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))

    loaded, refused = read_or_refused(lambda: load_settings(tmp_path, {}))

    if isinstance(refused, InvalidInput):
        assert {found.position.file for found in refused.diagnostics} == {"elmify.yaml"}
    else:
        assert refused is None
        assert loaded is not None


_TEMPLATE_PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            " ",
            "lecture",
            ".title",
            ".number",
            "speaker.name",
            "ext",
            "|",
            "pad",
        ),
        *(
            "(2)",
            "if",
            "endif",
            "else",
            "is none",
            "not",
            "'x'",
            "~",
            "+",
            "[0]",
            "_",
            "__class__",
            "for",
            "in",
        ),
    ]
)


@given(st.lists(_TEMPLATE_PIECES, max_size=14).map("".join) | st.text(max_size=30))
def test_a_key_template_renders_or_is_refused(template: str) -> None:
    lineage = {Kind.SPEAKER: speaker("s"), Kind.LECTURE: lecture("s/c/l")}
    try:
        key = render_key(template, lineage, "mp3")
    except TemplateRefused:
        return
    assert "class" not in key or "class" in template
    key_problem(key)


@given(st.text(max_size=60))
def test_an_address_is_parsed_or_refused_and_a_slug_is_an_id(text: str) -> None:
    made = slug(text)
    assert made == "" or is_id(made)
    try:
        assert parse_address(text) == text
    except ValueError:
        assert not all(is_id(part) for part in text.split("/")) or text.count("/") > 2


@given(st.text(max_size=60), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_key_with_its_hash_is_another_key_of_the_same_folder(key: str, sha256: str) -> None:
    hashed = with_hash(key, sha256, lambda candidate: len(candidate) < len(key) + 17)

    assert hashed != key
    assert hashed.rpartition("/")[0] == key.rpartition("/")[0]
    assert sha256[:16] in hashed


@given(st.text(max_size=80) | st.text("%/:?#@ahtps.0189", max_size=40).map("http{}".format))
def test_what_a_column_names_is_a_key_or_nothing(text: str) -> None:
    key = key_in(text)
    assert key is None or key
