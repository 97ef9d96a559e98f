"""Key templates: what they may say, and what a key may be."""

from collections.abc import Mapping

import pytest

from reconciler.model.address import Address
from reconciler.model.catalog import Resource, lineage
from reconciler.model.kinds import Kind, Slot
from reconciler.model.policy import DEFAULT_TEMPLATES
from reconciler.planning.object_keys import (
    TEMPLATE_MAX_CHARS,
    KeyProblem,
    TemplateRefused,
    default_key,
    extension_of,
    is_form_of,
    key_problem,
    render_key,
    with_hash,
)
from tests.unit.planning.worlds import catalog, collection, lecture, sha256, speaker

SPEAKER, BOOK = speaker("s", name="Abdul Rashid Sufi"), collection("s/c", title="Quran Hafs", year=2025)
DIGEST = sha256("bytes")


def names(**entry: object) -> Mapping[Kind, Resource]:
    declared = catalog(SPEAKER, BOOK, lecture("s/c/l", **{"title": "Al-Fatiha", **entry}))
    return lineage(declared, declared.resources[Address("s/c/l")])


def rendered(template: str, **entry: object) -> str:
    return render_key(template, names(**entry), "mp3")


# The default layout.


@pytest.mark.parametrize(
    ("number", "key"),
    [
        (1, "01 - Al-Fatiha.mp3"),
        (99, "99 - Al-Fatiha.mp3"),
        (100, "100 - Al-Fatiha.mp3"),
        (None, "01 - Al-Fatiha.mp3"),  # as the apps ask for it
    ],
)
def test_numbers_are_padded_to_two_digits_and_run_past_99(number: int | None, key: str) -> None:
    found = default_key(DEFAULT_TEMPLATES, Slot.LECTURE_AUDIO, names(number=number), "x/Y.MP3")

    assert found == f"Abdul Rashid Sufi/Quran Hafs/{key}"


@pytest.mark.parametrize(
    ("slot", "key"),
    [
        (Slot.SPEAKER_IMAGE, "Abdul Rashid Sufi/speaker.jpg"),
        (Slot.SPEAKER_IMAGE_SMALL, "Abdul Rashid Sufi/speaker_small.jpg"),
        (Slot.COLLECTION_COVER, "Abdul Rashid Sufi/Quran Hafs/collection.jpg"),
        (Slot.COLLECTION_COVER_SMALL, "Abdul Rashid Sufi/Quran Hafs/collection_small.jpg"),
        (Slot.LECTURE_THUMBNAIL, "Abdul Rashid Sufi/Quran Hafs/Al-Fatiha_thumbnail.jpg"),
    ],
)
def test_images_have_their_places(slot: Slot, key: str) -> None:
    assert default_key(DEFAULT_TEMPLATES, slot, names(), "i.jpg") == key


def test_a_slash_in_a_title_opens_no_folder() -> None:
    assert rendered("{{ lecture.title }}", title=" a/b ") == "a-b"


@pytest.mark.parametrize("title", ["ﷺ", "it’s & 'that'", "(a), b", "سورة"])
def test_titles_go_into_keys_as_they_are(title: str) -> None:
    assert rendered("{{ lecture.title }}.{{ ext }}", title=title) == f"{title}.mp3"


# What templates may say.


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("{{ speaker.id }}/{{ collection.id }}/{{ lecture.id }}.{{ ext }}", "s/c/l.mp3"),
        ("{{ lecture.number | pad(4) }}", "0007"),
        ("{{ lecture.number | pad(999) }}", "000000000007"),
        ("{{ lecture.title | upper | trim | lower }}", "al-fatiha"),
        ("{{ collection.year }}", "2025"),
        ("{{ lecture.year | default('none') }}", "None"),
        ("{{ lecture.genre | default('none') }}", "none"),
        ("{% if lecture.genre is defined %}a{% elif lecture.number > 3 and not false %}b{% endif %}", "b"),
        ("{% if lecture.number == 8 or 1 > 2 %}a{% else %}c{% endif %}", "c"),
        ("{{ 'x' if lecture.number is not none else 'y' }}", "x"),
        ("{# a comment #}plain", "plain"),
    ],
)
def test_a_template_may_choose(template: str, key: str) -> None:
    assert rendered(template, number=7) == key


@pytest.mark.parametrize(
    "template",
    [
        "{{ lecture.__class__ }}",
        "{{ lecture._x }}",
        "{{ lecture.title.upper }}",
        "{{ lecture.title.__class__.__mro__ }}",
        "{{ lecture['title'] }}",
        "{{ lecture.title() }}",
        "{{ lecture.title ~ 'x' }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 7 ** 7 ** 7 }}",
        "{{ -1 }}",
        "{{ [1] }}",
        "{{ {} }}",
        "{% for x in lecture.title %}{{ x }}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% with x = 1 %}{% endwith %}",
        "{% filter upper %}x{% endfilter %}",
        "{% do x %}",
        "{{ lecture.title | attr('upper') }}",
        "{{ lecture.title | map('upper') }}",
        "{{ lecture.title | format(1) }}",
        "{{ lecture.number is odd }}",
        "{{ lecture }}",
        "{{ lipsum }}",
        "{{ range }}",
        "{{ cycler.x }}",
        "{{ self }}",
        "{{ config.x }}",
        "{{ lecture.number | pad(width=2) }}",
        "{{ lecture.number | pad('x') }}",
        "{{ lecture.number < 'x' }}",
        "{{ lecture.nope }}",
        "{{ nope }}",
        "{{ lecture.title",
        "{% if %}",
        "{{ " + "(" * 900 + "1" + ")" * 900 + " }}",
        "x" * (TEMPLATE_MAX_CHARS + 1),
    ],
)
def test_a_template_may_do_no_more_than_choose(template: str) -> None:
    with pytest.raises(TemplateRefused):
        rendered(template, number=7)


def test_a_refusal_says_where() -> None:
    with pytest.raises(TemplateRefused, match=r"\bcall\b.*\b2\b"):
        rendered("x\n{{ lecture.title() }}")


def test_what_a_title_says_is_never_a_template() -> None:
    assert rendered("{{ lecture.title }}", title="{{ speaker.name }}") == "{{ speaker.name }}"


def test_a_speakers_key_cannot_name_a_lecture() -> None:
    with pytest.raises(TemplateRefused):
        render_key("{{ lecture.title }}", {Kind.SPEAKER: SPEAKER}, "jpg")


# Keys.


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("a/b.mp3", None),
        (".hidden/..a/b", None),
        ("é" * 512, None),
        ("é" * 512 + "x", KeyProblem.TOO_LONG),
        ("", KeyProblem.EMPTY_PART),
        ("/a", KeyProblem.EMPTY_PART),
        ("a/", KeyProblem.EMPTY_PART),
        ("a//b", KeyProblem.EMPTY_PART),
        ("a/../b", KeyProblem.DOT_SEGMENT),
        ("./a", KeyProblem.DOT_SEGMENT),
        ("..", KeyProblem.DOT_SEGMENT),
        (".elmify/a", KeyProblem.RESERVED),
        ("a\nb", KeyProblem.CONTROL_CHARACTER),
        ("a\x7fb", KeyProblem.CONTROL_CHARACTER),
    ],
)
def test_a_key_has_to_be_one_that_the_bucket_takes(key: str, problem: KeyProblem | None) -> None:
    assert key_problem(key) is problem


@pytest.mark.parametrize(
    ("path", "extension"),
    [("a/b.MP3", "mp3"), ("a.b/c", ""), (".mp3", ""), ("a.tar.gz", "gz"), ("a.", ""), ("", "")],
)
def test_an_extension_is_what_follows_the_last_dot(path: str, extension: str) -> None:
    assert extension_of(path) == extension


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        ("a/b.mp3", f"a/b~{DIGEST[:8]}.mp3"),
        ("a.b/c", f"a.b/c~{DIGEST[:8]}"),
        (".hidden", f".hidden~{DIGEST[:8]}"),
        ("b.c.mp3", f"b.c~{DIGEST[:8]}.mp3"),
    ],
)
def test_the_hash_stands_before_the_extension(key: str, hashed: str) -> None:
    assert with_hash(key, DIGEST, lambda _key: False) == hashed
    assert is_form_of(hashed, key, DIGEST)


def test_a_key_is_a_form_of_itself_in_any_spelling() -> None:
    assert is_form_of("e\u0301.mp3", "é.mp3", DIGEST)


@pytest.mark.parametrize("key", ["other.mp3", "a.m4a", f"a~{sha256('other')[:8]}.mp3", f"a~{DIGEST[:8]}.m4a"])
def test_a_key_of_another_title_extension_or_hash_is_no_form(key: str) -> None:
    assert not is_form_of(key, "a.mp3", DIGEST)


@pytest.mark.parametrize(
    ("title", "part"),
    [
        ("What Is Zakat?", "What Is Zakat"),
        ("100% Trust", "100 Trust"),
        ("a\\b/c", "a-b-c"),
        ("?", "-"),
        (".%.", ".-."),
    ],
)
def test_what_a_raw_url_does_not_bring_along_is_in_no_new_key(title: str, part: str) -> None:
    assert rendered("{{ lecture.title }}", title=title) == part
