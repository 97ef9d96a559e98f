"""How rows name objects: by key or by URL, compared by base and decoded key."""

import json
import unicodedata
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus, urlsplit

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.policy import Layout, ReferenceStyle
from reconciler.model.values import Value, nfc
from reconciler.planning.object_keys import key_problem
from reconciler.planning.references import (
    KeySearch,
    NamedKeys,
    key_in,
    naming_columns,
    purge_urls,
    reference,
    references_in,
    says_the_same,
    split_reference,
    style_of,
    url_of,
)
from reconciler.settings.load import _parse_base_url
from tests.unit.planning.worlds import CDN, lecture_row, speaker_row

IMAGE = TABLES[Kind.SPEAKER].column("image_url")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_url_is_the_base_and_the_percent_encoded_key(key: str) -> None:
    assert url_of(CDN, key) == f"{CDN}/{quote(key)}"


@pytest.mark.parametrize(
    ("key", "spellings"),
    [
        ("a/b.mp3", ["a/b.mp3"]),
        ("a/01 - b.mp3", ["a/01 - b.mp3", "a/01%20-%20b.mp3"]),
        ("الله.mp3", ["الله.mp3", "%D8%A7%D9%84%D9%84%D9%87.mp3"]),
        ("God's (1).mp3", ["God's (1).mp3", "God%27s%20%281%29.mp3", "God's%20(1).mp3"]),
        ("100%?#+.mp3", ["100%?#+.mp3", "100%25%3F%23%2B.mp3", "100%25?#+.mp3"]),
    ],
)
def test_a_cdn_forgets_a_key_under_every_base_and_as_every_app_writes_it(
    key: str, spellings: list[str]
) -> None:
    purged = purge_urls([CDN, f"{CDN}/", "https://other.example.com/lib"], [key, key])

    assert purged == tuple(
        f"{base}/{each}" for base in (CDN, "https://other.example.com/lib") for each in spellings
    )


def test_a_cdn_that_nobody_named_or_that_keeps_nothing_forgets_nothing() -> None:
    assert purge_urls([], ["a"]) == purge_urls([CDN], []) == ()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_key_survives_its_url(key: str) -> None:
    assert split_reference(url_of(CDN, key)) == (CDN, split_reference(key)[1]) or "://" in key


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a/b.jpg", (None, "a/b.jpg")),
        ("a%20b.jpg", (None, "a%20b.jpg")),
        (f"{CDN}/a%20b.jpg", (CDN, "a b.jpg")),
        ("http://x.test/é", ("http://x.test", "é")),
        (f"{CDN}", (CDN, "")),
        ("ftp://x.test/a", (None, "ftp://x.test/a")),
    ],
)
def test_a_value_is_a_base_and_a_decoded_key(value: str, found: tuple[str | None, str]) -> None:
    assert split_reference(value) == found


@pytest.mark.parametrize(
    ("value", "key"), [(None, None), ("", None), (7, None), (CDN, None), ("e\u0301", "é"), (f"{CDN}/a", "a")]
)
def test_a_key_is_found_in_a_column_whatever_it_holds(value: object, key: str | None) -> None:
    assert key_in(value) == key  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layout", "style"),
    [
        (Layout(base_url=CDN), ReferenceStyle.KEY),
        (Layout(), ReferenceStyle.KEY),
        (Layout(base_url=CDN, references={"speakers.image_url": ReferenceStyle.URL}), ReferenceStyle.URL),
        (Layout(base_url=CDN, references={"speakers.other": ReferenceStyle.URL}), ReferenceStyle.KEY),
    ],
)
def test_the_style_of_an_image_column_is_the_settings_or_the_key(
    layout: Layout, style: ReferenceStyle
) -> None:
    assert style_of(IMAGE, Kind.SPEAKER, layout) is style


def test_audio_url_is_always_a_url() -> None:
    column = TABLES[Kind.LECTURE].column("audio_url")

    assert style_of(column, Kind.LECTURE, Layout()) is ReferenceStyle.URL
    assert reference(ReferenceStyle.URL, None, "a") is None


@pytest.mark.parametrize(
    ("actual", "same"),
    [
        (f"{CDN}/a%26b", True),
        (f"{CDN}/a&b", True),
        (f"{CDN}/%61%26b", True),
        ("https://last-year.test/a%26b", False),
        ("a&b", False),
        (None, False),
    ],
)
def test_two_values_say_the_same_by_base_and_decoded_key(actual: str | None, same: bool) -> None:
    assert says_the_same(actual, f"{CDN}/a%26b") is same


def named(row: Row) -> set[str]:
    return KeySearch(["a.mp3", "b.mp3", "c.jpg", "d.jpg", "e.mp3"]).in_references(references_in([row]))


def test_a_row_names_objects_by_every_column_that_can() -> None:
    urls = {"audio_url": "https://x.test/b.mp3", "thumbnail_url": "c.jpg"}
    lecture = lecture_row(1, "L", "a.mp3", file_name="e.mp3", **urls)

    assert named(lecture) == {"a.mp3", "b.mp3", "c.jpg", "e.mp3"}
    assert named(speaker_row(1, "S", image_url="", image_small_url=f"{CDN}/d.jpg")) == {"d.jpg"}


# Every plausible key.

KEY = "Ali & Co/Qur’an (live)/01 - Al-Fātiḥa + 100%.mp3"

SPELLINGS: dict[str, Callable[[str, str], str]] = {
    "key": lambda _base, key: key,
    "url": url_of,
    "url that nobody encoded": lambda base, key: f"{base}/{key}",
    "everything encoded": lambda base, key: f"{base}/" + "".join(f"%{byte:02x}" for byte in key.encode()),
    "encoded twice": lambda base, key: f"{base}/{quote(quote(key))}",
    "plus for space": lambda base, key: f"{base}/{quote_plus(key, safe='/')}",
    "query": lambda base, key: f"{url_of(base, key)}?v=3&w=640",
    "fragment": lambda base, key: f"{url_of(base, key)}#t=10",
    "query of a key": lambda _base, key: f"{key}?v=3",
    "scheme in capitals": lambda base, key: "HTTPS" + url_of(base, key)[len(urlsplit(base).scheme) :],
    "no scheme": lambda base, key: url_of(base, key)[len(urlsplit(base).scheme) + 1 :],
    "no host": lambda base, key: f"{urlsplit(base).path}/{quote(key)}",
    "leading slash": lambda _base, key: f"/{key}",
    "under a prefix": lambda _base, key: f"/files/{quote(key)}",
    "relative": lambda _base, key: f"../../{key}",
    "dots": lambda base, key: f"{base}/./x/../{key.replace('/', '/./')}",
    "another host": lambda _base, key: f"http://user:pw@LAST-YEAR.test:8080/x/y/{quote(key)}",
    "bucket": lambda _base, key: f"s3://audio/{key}",
    "storage scheme": lambda _base, key: f"r2:{key}",
    "doubled slashes": lambda base, key: f"{base}//{quote(key).replace('/', '//')}",
    "backslashes": lambda _base, key: "\\" + key.replace("/", "\\"),
    "space around": lambda base, key: f"  {url_of(base, key)}\n",
    "image proxy": lambda base, key: f"/_next/image?url={quote(url_of(base, key), safe='')}&w=640",
    "resized": lambda base, key: f"{base}/cdn-cgi/image/width=80/{url_of(base, key)}",
    "decomposed": lambda base, key: url_of(base, unicodedata.normalize("NFD", key)),
    "html": lambda base, key: escape(f"{base}/{key}"),
    "json": lambda base, key: json.dumps(f"{base}/{key}")[1:-1],
    "json of PHP": lambda base, key: json.dumps(f"{base}/{key}")[1:-1].replace("/", "\\/"),
}

TEXTS: dict[str, Callable[[str], str]] = {
    "alone": str,
    "prose": lambda value: f"See {value}, or ({value}).",
    "markdown": lambda value: f"![cover]({value})",
    "html": lambda value: f'<img src="{escape(value)}">',
    "html without quotes": lambda value: f"<img src={value}>",
    "json": lambda value: json.dumps({"images": [{"cover": value}], "n": 1}),
    "readable json": lambda value: json.dumps({value: None}, ensure_ascii=False),
    "json in json": lambda value: json.dumps({"payload": json.dumps(["\n" + value])}),
    "list": lambda value: f"a.jpg,{value};b.jpg",
}

segments = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1)
keys = (
    st.tuples(
        st.lists(segments, max_size=3), segments, st.sampled_from([".mp3", ".jpg", ".JPEG", "", ".x~y"])
    )
    .map(lambda parts: "/".join([*parts[0], parts[1] + parts[2]]))
    .filter(lambda key: key_problem(key) is None and all(part.strip() for part in key.split("/")))
)
hosts = st.sampled_from(
    [
        "cdn.example.org",
        "CDN.Example.ORG",
        "cdn.test:8443",
        "u:p@cdn.test",
        "192.0.2.1",
        "[2001:db8::1]:80",
        "b\u00fccher.test",
    ]
)
paths = st.lists(st.sampled_from(["x", "y", "audio", "a%20b", "v1.2", "A"]), max_size=3)
base_urls = st.builds(
    lambda scheme, host, path, tail: "/".join([f"{scheme}://{host}", *path]) + tail,
    st.sampled_from(["https", "http", "HTTPS"]),
    hosts,
    paths,
    st.sampled_from(["", "/", "//"]),
).map(_parse_base_url)
COLUMNS = [(kind, column.name) for kind, table in TABLES.items() for column in naming_columns(table)]


def row_with(kind: Kind, column: str, value: str) -> Row:
    values: list[Value] = [value if c.name == column else None for c in TABLES[kind].columns]
    return Row(kind, 1, tuple(values))


@given(st.one_of(st.just(KEY), keys), base_urls, st.sampled_from(COLUMNS))
def test_a_row_protects_a_key_in_whatever_spelling_under_whatever_base(
    key: str, base: str, column: tuple[Kind, str]
) -> None:
    for name, spelling in SPELLINGS.items():
        row = row_with(*column, spelling(base, key))
        note(f"{name}: {spelling(base, key)!r}")

        assert KeySearch([key, "other.mp3"]).in_references(references_in([row])) == {nfc(key)}
        assert key in NamedKeys(references_in([row]))


@given(st.one_of(st.just(KEY), keys), base_urls, st.sampled_from(list(TEXTS)))
def test_a_text_protects_a_key_that_occurs_in_it_in_whatever_spelling(key: str, base: str, text: str) -> None:
    for name, spelling in SPELLINGS.items():
        said = TEXTS[text](spelling(base, key))
        note(f"{name}: {said!r}")

        assert KeySearch([key]).in_text(said) == {nfc(key)}


@pytest.mark.parametrize("style", list(ReferenceStyle))
@given(key=keys, base=base_urls)
def test_what_elmify_writes_names_the_key(style: ReferenceStyle, key: str, base: str) -> None:
    written = reference(style, base, key)

    assert written is not None
    assert KeySearch([key]).in_reference(written) == {nfc(key)}


def test_a_url_names_every_end_of_its_path() -> None:
    ends = ["x/y/A/speaker.jpg", "y/A/speaker.jpg", "A/speaker.jpg", "speaker.jpg"]
    url = "https://cdn.test/x/y/A/speaker.jpg"

    assert KeySearch([*ends, "other.jpg"]).in_reference(url) == set(ends)
    assert all(end in NamedKeys([url]) for end in ends)


@pytest.mark.parametrize(
    "value",
    [
        "A/speaker.jpeg",
        "A/speaker.jp",
        "B/speaker.jpg",
        "AA/speaker.jpg",
        "A/a speaker.jpg",
        "a/speaker.jpg",
        "A/speaker",
        "A",
        "",
    ],
)
def test_another_key_is_not_named(value: str) -> None:
    for spelled in (value, f"{CDN}/{quote(value)}?v=1"):
        assert KeySearch(["A/speaker.jpg"]).in_reference(spelled) == set()
        assert "A/speaker.jpg" not in NamedKeys([spelled])


@pytest.mark.parametrize(
    "key", ["A/README", "A/what?", "folder/", "A/.DS_Store", "A/a.b.c", "A/(live)", "\ufdfa"]
)
def test_a_key_of_any_form_is_found(key: str) -> None:
    assert KeySearch([key, "A/a.mp3"]).in_reference(url_of(CDN, key)) == {key}
    assert KeySearch([key, "A/a.mp3"]).in_text(f"see {key} there") == {key}


def test_a_folder_is_not_named_by_what_is_in_it() -> None:
    assert KeySearch(["A/"]).in_reference(f"{CDN}/A/speaker.jpg") == set()


def test_keys_that_are_spellings_of_one_another_protect_one_another() -> None:
    assert KeySearch(["a b.jpg", "a+b.jpg", "a%20b.jpg"]).in_reference("a b.jpg") == {
        "a b.jpg",
        "a+b.jpg",
        "a%20b.jpg",
    }


def test_no_keys_and_no_references_name_nothing() -> None:
    assert KeySearch([]).in_references(["a.mp3"]) == set()
    assert "a.mp3" not in NamedKeys([])
