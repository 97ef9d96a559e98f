import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.importing.names import alike, clean, folded, id_for, latin, numbered, titled, without_number
from reconciler.model.address import is_id


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("Al-Fatiha (The opener)", "al-fatiha-the-opener"),
        ("Life of the Prophet ﷺ", "life-of-the-prophet"),
        ("Maryam’s Lessons", "maryams-lessons"),
        ("Ḥasan the Weaver", "hasan-the-weaver"),
        ("رشيد المعلم", "rashid-al-malm"),
        ("آل عمران", "al-amran"),
        ("سورة الإخلاص", "surah-al-ikhlas"),
        ("محمد بن عبد الله", "muhammad-bin-abd-allah"),
        ("القرآن الكريم", "al-quran-al-karim"),
        ("تفسير سورة يس", "tafsir-surah-yas"),
        ("مُعَلِّم", "muallim"),
        ("وَرْد", "ward"),
        ("یوسف", "yusf"),
        ("درس ١٢", "dars-12"),
        ("الهدى، والنور", "al-hada-walnur"),
        ("١٢", ""),
        ("ﷺ", ""),
        ("!?", ""),
    ],
)
def test_a_name_gives_an_id_that_people_can_read(name: str, id_: str) -> None:
    assert id_for(name) == id_


@settings(deadline=None)
@given(st.text())
def test_an_id_is_one_or_nothing(name: str) -> None:
    made = id_for(name)

    assert made == "" or is_id(made)
    assert id_for(name) == made


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=0x7F)))
def test_what_is_not_arabic_stays(text: str) -> None:
    assert latin(text) == text


@pytest.mark.parametrize(
    ("stem", "number", "title"),
    [
        ("01 - Al-Fatiha", 1, "Al-Fatiha"),
        ("99 - The Last But One", 99, "The Last But One"),
        ("100 - The Hundredth", 100, "The Hundredth"),
        ("٠٣ - سورة", 3, "سورة"),
        ("۱۰۱ - آخر", 101, "آخر"),
        ("01-the-cave", 1, "the-cave"),
        ("7. Patience", 7, "Patience"),
        ("007_Patience", 7, "Patience"),
        ("[12] Patience", None, "[12] Patience"),
        ("12) Patience", 12, "Patience"),
        ("003 Patience", 3, "Patience"),
        ("12", 12, ""),
        ("7 Habits", None, "7 Habits"),
        ("100% Trust", None, "100% Trust"),
        ("15 - 15 Story of the Cave", 15, "15 Story of the Cave"),
        ("  04 – Spaced  ", 4, "Spaced"),
        ("Patience", None, "Patience"),
        ("12345678 - Not a Number", None, "12345678 - Not a Number"),
        ("12 -", None, "12 -"),
    ],
)
def test_the_number_of_a_recording_is_read_from_its_name(stem: str, number: int | None, title: str) -> None:
    assert numbered(stem) == (number, title)


@pytest.mark.parametrize(
    ("title", "number", "bare"),
    [
        ("15 Story of the Cave", 15, "Story of the Cave"),
        ("015 - Story", 15, "Story"),
        ("15 Story", 16, "15 Story"),
        ("15 Story", None, "15 Story"),
        ("100% Trust", 100, "100% Trust"),
        ("15", 15, "15"),
    ],
)
def test_a_title_that_repeats_its_number_loses_it(title: str, number: int | None, bare: str) -> None:
    assert without_number(title, number) == bare


def test_a_name_is_cleaned_of_what_the_catalog_refuses() -> None:
    assert clean(" \tCafe\u0301  of\nPatience\u00a0 ") == "Café  of Patience"


def test_keys_are_compared_decoded_in_nfc_and_with_each_part_trimmed() -> None:
    assert folded("Cafe%CC%81 /01 - A%26B.mp3 ") == "Café/01 - A&B.mp3"


@pytest.mark.parametrize("other", ["Hikma", "ḥikma ", "Ḥikma!", "H\u0323ikma", "hik-ma ﷺ"])
def test_look_alikes_differ_by_nothing_that_is_heard(other: str) -> None:
    assert alike(other) == alike("Ḥikma")


def test_different_titles_do_not_look_alike() -> None:
    assert alike("Patience, Part 1") != alike("Patience, Part 2")


@pytest.mark.parametrize(
    ("words", "title"),
    [("the-cave-of-hira", "The cave of hira"), ("Al-Fatiha x", "Al-Fatiha x"), ("One", "One")],
)
def test_a_slug_becomes_a_title_and_a_title_stays(words: str, title: str) -> None:
    assert titled(words) == title
