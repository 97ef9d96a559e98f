"""URLs as today's apps make them, sign by sign."""

import unicodedata

import pytest

from tests.listener.urls import Row, Way, encode_uri, host_of, request_target, stream_name, url_of

CDN = "https://cdn.elmify.store"


def a_row(**columns: object) -> Row:
    """Return a row of Ali's collection, with some columns changed."""
    usual = {
        "id": 1,
        "title": "The Opening",
        "number": 1,
        "file_path": "Ali/Quran/01 - The Opening.mp3",
        "speaker": "Ali",
        "collection": "Quran",
    }
    return Row(**{**usual, **columns})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(7, "07"), (0, "00"), (None, "01"), (99, "99"), (100, "100"), (1234, "1234"), (-3, "-3")],
)
def test_a_stream_url_has_two_digits_and_what_is_null_is_the_first(number: int | None, shown: str) -> None:
    assert stream_name(a_row(number=number)) == f"Ali/Quran/{shown} - The Opening.mp3"


def test_one_collection_is_looked_for_under_another_name() -> None:
    assert stream_name(a_row(collection="Legends of Islam")) == "Ali/Legends Islam/01 - The Opening.mp3"
    for other in ("legends of islam", "Legends of Islam ", "The Legends of Islam", "Legends Islam"):
        assert stream_name(a_row(collection=other)) == f"Ali/{other}/01 - The Opening.mp3"


@pytest.mark.parametrize(
    "parents", [{"speaker": None}, {"collection": None}, {"speaker": None, "collection": None}]
)
def test_without_speaker_or_collection_the_stream_url_is_that_of_the_object(
    parents: dict[str, None],
) -> None:
    assert stream_name(a_row(file_path="loose/talk.m4a", **parents)) == "loose/talk.m4a"


def test_a_stream_url_ends_in_mp3_whatever_the_object_is() -> None:
    row = a_row(file_path="Ali/Quran/01 - The Opening.m4a")

    assert url_of(row, Way.STREAM) == f"{CDN}/Ali/Quran/01%20-%20The%20Opening.mp3"


def test_nothing_is_trimmed() -> None:
    row = a_row(speaker=" Ali", collection="Quran ", title="The Opening  ")

    assert stream_name(row) == " Ali/Quran /01 - The Opening  .mp3"
    assert url_of(row, Way.STREAM) == f"{CDN}/%20Ali/Quran%20/01%20-%20The%20Opening%20%20.mp3"


def test_a_playlist_has_the_raw_column_and_a_link_is_handed_out_as_it_is() -> None:
    row = a_row(file_path="Ali/What? 100% #1.mp3", audio_url="https://old.example/x y.mp3")

    assert url_of(row, Way.PLAYLIST) == "https://pub-elmify.r2.example/Ali/What? 100% #1.mp3"
    assert url_of(row, Way.LINK) == "https://old.example/x y.mp3"
    assert url_of(a_row(), Way.LINK) is None


# What arrives: title of the row, and the path and query that the CDN is asked for.


@pytest.mark.parametrize(
    ("title", "arrives"),
    [
        ("What?", "What?.mp3"),
        ("Lesson #1", "Lesson%20"),
        ("100% Trust", "100%25%20Trust.mp3"),
        ("%41", "%2541.mp3"),
        ("%", "%25.mp3"),
        ("Faith + Works", "Faith%20+%20Works.mp3"),
        ("Prophet ﷺ", "Prophet%20%EF%B7%BA.mp3"),
        ("Don't", "Don't.mp3"),
        ("Hope & Fear", "Hope%20&%20Fear.mp3"),
        (" Open ", "%20Open%20.mp3"),
        ("آل عمران", "%D8%A2%D9%84%20%D8%B9%D9%85%D8%B1%D8%A7%D9%86.mp3"),
        (unicodedata.normalize("NFD", "Café"), "Cafe%CC%81.mp3"),
        ("Café", "Caf%C3%A9.mp3"),
        ("A/B", "A/B.mp3"),
        ("A//B", "A//B.mp3"),
        ("A\\B", "A%5CB.mp3"),
        ("A\tB\nC", "A%09B%0AC.mp3"),
        ('[1] {2} "3" <4> ^5 `6 |7', "%5B1%5D%20%7B2%7D%20%223%22%20%3C4%3E%20%5E5%20%606%20%7C7.mp3"),
        (";,:@=$!~*()-_.", ";,:@=$!~*()-_..mp3"),
        ("😀", "%F0%9F%98%80.mp3"),
    ],
)
def test_the_app_encodes_a_stream_url_and_leaves_what_cuts_it_off(title: str, arrives: str) -> None:
    url = url_of(a_row(title=title), Way.STREAM)

    assert url is not None
    assert request_target(url) == f"/Ali/Quran/01%20-%20{arrives}"


def test_javascript_leaves_these_signs_and_no_others() -> None:
    signs = "".join(map(chr, range(0x20, 0x7F)))

    left = "".join(sign for sign in signs if encode_uri(sign) == sign)
    assert left == "!#$&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("a/What? Now.mp3", "/a/What?%20Now.mp3"),
        ("a/Lesson #1.mp3", "/a/Lesson%20"),
        ("a/100% Trust.mp3", "/a/100%%20Trust.mp3"),
        ("a/%41.mp3", "/a/%41.mp3"),
        ("a/Faith + Works.mp3", "/a/Faith%20+%20Works.mp3"),
        ("a/ﷺ.mp3", "/a/%EF%B7%BA.mp3"),
        ("a/b.mp3 ", "/a/b.mp3"),
        (" a/b.mp3", "/%20a/b.mp3"),
        ("/a/b.mp3", "//a/b.mp3"),
        ("a\\b.mp3", "/a/b.mp3"),
        ("a/./b/../c.mp3", "/a/c.mp3"),
        ("a/%2e%2E/c.mp3", "/c.mp3"),
        ("a/..", "/"),
        ("a\tb\n.mp3", "/ab.mp3"),
        ("", "/"),
    ],
)
def test_a_client_makes_a_request_of_a_raw_url(path: str, arrives: str) -> None:
    assert request_target(f"https://pub-elmify.r2.example/{path}") == arrives


def test_a_url_without_a_host_reaches_nobody() -> None:
    assert host_of("HTTPS://CDN.Elmify.store/a b") == CDN
    for reaches_nobody in ("Ali/a.mp3", "/Ali/a.mp3", "", "https://[/a.mp3"):
        assert host_of(reaches_nobody) is None
