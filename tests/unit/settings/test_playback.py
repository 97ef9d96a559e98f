"""The playback ways of elmify.yaml."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.actual import Row
from reconciler.model.errors import InvalidInput
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.playback import DEFAULT_WAYS, RequestForm, Way
from reconciler.planning.references import references_in
from reconciler.settings import NotWritable, load_settings
from reconciler.settings.playback import with_ways
from tests.documents import settings_page

HEAD = "environment: test\n"
LINK = "- {way: link, column: audio_url}"


def ways_of(root: Path, text: str) -> tuple[Way, ...]:
    (root / "elmify.yaml").write_text(HEAD + text, encoding="utf-8")
    return load_settings(root, {}).policy.playback


def found(root: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        ways_of(root, text)
    return [(each.code, str(each.position).removeprefix("elmify.yaml:")) for each in caught.value.diagnostics]


@pytest.mark.parametrize("text", ["", "playback:\n", "playback:\n#  - way: x\n"])
def test_without_ways_they_are_this_teams(tmp_path: Path, text: str) -> None:
    assert ways_of(tmp_path, text) == DEFAULT_WAYS


def test_the_example_shows_the_default(tmp_path: Path) -> None:
    lines = settings_page().splitlines()
    start = lines.index("#playback:")
    shown = lines[start : lines.index("", start)]

    assert ways_of(tmp_path, "\n".join(line.removeprefix("#") for line in shown)) == DEFAULT_WAYS


def test_every_field_of_a_way_reaches_its_place(tmp_path: Path) -> None:
    text = """\
playback:
  - way: by-name
    key: "{{ speaker.name }}/{{ lecture.title }}.{{ ext }}"
    when: [speaker]
    request: encoded
    base_url: https://other.example.org/
  - {way: playlist, column: file_path, report: true}
"""
    assert ways_of(tmp_path, text) == (
        Way(
            name="by-name",
            key="{{ speaker.name }}/{{ lecture.title }}.{{ ext }}",
            when=(Kind.SPEAKER,),
            request=RequestForm.ENCODED,
            base_url="https://other.example.org",
        ),
        Way(name="playlist", column="file_path", report=True),
    )


@pytest.mark.parametrize(
    ("entries", "mistakes"),
    [
        ("[]", [("EL003", "2:11")]),
        ("{way: a}", [("EL104", "2:11")]),
        ("[{column: file_path}]", [("EL106", "2:12")]),
        ("[{way: a b, column: file_path}]", [("EL110", "2:18")]),
        ("[{way: a}]", [("EL003", "2:12")]),
        ("[{way: a, key: x, column: file_path}]", [("EL003", "2:12")]),
        ("[{way: a, colum: file_path}]", [("EL103", "2:21")]),
        ("[{way: a, column: filepath}]", [("EL108", "2:29")]),
        ("[{way: a, column: title}]", [("EL108", "2:29")]),
        ("[{way: a, column: file_path, when: [speaker, lecture]}]", [("EL108", "2:56")]),
        ("[{way: a, column: file_path, request: encodeURI}]", [("EL108", "2:49")]),
        ("[{way: a, column: file_path, report: 'yes'}]", [("EL104", "2:48")]),
        ("[{way: a, column: file_path, base_url: cdn.example.org}]", [("EL003", "2:50")]),
        ("[{way: a, key: '{{ lecture.titel }}'}]", [("EL004", "2:26")]),
        ("[{way: a, key: '{{ lecture.id }}'}]", [("EL004", "2:26")]),
        ("[{way: a, key: '{{ lecture.title.upper() }}'}]", [("EL004", "2:26")]),
        ("[{way: a, key: '{{ speaker'}]", [("EL004", "2:26")]),
        ("[{way: a, key: '/{{ lecture.title }}'}]", [("EL004", "2:26")]),
        (
            "[{way: a, column: file_path}, {way: a, column: audio_url}, {way: a, column: audio_url}]",
            [("EL003", "2:47"), ("EL003", "2:76")],
        ),
        (
            "[{way: a}, {way: a, key: '{{ x }}', base_url: x}, {way: b, key: '{{ lecture.no }}'}]",
            [("EL003", "2:12"), ("EL003", "2:28"), ("EL004", "2:36"), ("EL003", "2:57"), ("EL004", "2:75")],
        ),
    ],
)
def test_all_mistakes_are_told_at_once_at_their_place(
    tmp_path: Path, entries: str, mistakes: list[tuple[str, str]]
) -> None:
    assert found(tmp_path, f"playback: {entries}\n") == mistakes


def test_a_password_in_a_list_is_a_secret_too(tmp_path: Path) -> None:
    text = "playback: [{way: a, column: file_path, base_url: 'https://u:planted@x.org'}]\n"
    with pytest.raises(InvalidInput) as caught:
        ways_of(tmp_path, text)

    assert [each.code for each in caught.value.diagnostics] == ["EL002"]
    assert "planted" not in str(caught.value.diagnostics)


def test_every_column_that_a_way_may_ask_is_one_whose_values_name_objects(tmp_path: Path) -> None:
    table = TABLES[Kind.LECTURE]
    row = Row(kind=Kind.LECTURE, id=1, values=tuple(f"in-{column.name}" for column in table.columns))
    named = set(references_in((row,)))
    for column in table.columns:
        try:
            ways_of(tmp_path, f"playback: [{{way: a, column: {column.name}}}]\n")
        except InvalidInput:
            continue
        assert f"in-{column.name}" in named


WAYS = st.builds(
    Way,
    name=st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    key=st.sampled_from(
        ["{{ speaker.name }}/{{ lecture.title }}.mp3", "a: '{{ ext }}' # \"b\"", "%&*{{ ext }}"]
    ),
    when=st.sampled_from([(), (Kind.SPEAKER,), (Kind.SPEAKER, Kind.COLLECTION)]),
    request=st.sampled_from(RequestForm),
    report=st.booleans(),
    base_url=st.sampled_from([None, "https://a.example.org/b"]),
) | st.builds(
    Way,
    name=st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    column=st.sampled_from(["file_path", "audio_url"]),
    report=st.booleans(),
)


@given(ways=st.lists(WAYS, min_size=1, max_size=4, unique_by=lambda way: way.name))
def test_written_ways_are_read_back(tmp_path_factory: pytest.TempPathFactory, ways: list[Way]) -> None:
    root = tmp_path_factory.mktemp("project")
    text = with_ways(f"# mine\n{HEAD}# after\nguards: {{user_rows: 1}}  # kept\n", ways)

    assert ways_of(root, text.replace(HEAD, "", 1)) == tuple(ways)
    assert [line for line in text.splitlines() if "#" in line][:2] == ["# mine", "# after"]


def test_ways_go_behind_the_comment_that_shows_them() -> None:
    lines = settings_page().partition("```yaml\n")[2].partition("```")[0].splitlines()

    after = with_ways("\n".join(lines) + "\n", DEFAULT_WAYS).splitlines()

    start = after.index("playback:")
    assert after[start - 1] == "#    report: true"
    assert after[:start] + after[start + 10 :] == lines
    assert [line.removeprefix("#") for line in lines[start - 10 : start]] == after[start : start + 10]


def test_ways_that_stand_there_are_never_written_over() -> None:
    with pytest.raises(NotWritable):
        with_ways(f"{HEAD}playback:\n  {LINK}\n", DEFAULT_WAYS)
