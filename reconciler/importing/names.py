"""Names: cleaning, comparison, numbering, and conversion to ids.

The names are those that people and scripts wrote.
"""

# ruff: noqa: RUF001 - people number with dashes and digits of several scripts

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from reconciler.model.address import slug
from reconciler.model.values import nfc

#: Honorifics in one character, whose decomposition is a whole sentence.
_HONORIFICS = re.compile("[\ufdf0-\ufdff]")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSPOKEN = re.compile(r"[\W_]+")

#: `01 - Title`, `1. Title`, `007_Title`, `٣ - …`; with nothing but a space, a zero must show that it counts.
_NUMBERED = re.compile(
    r"(?P<number>\d{1,7})(?:\s*[-–—._:)\]]+\s*|(?<=\d)\s+)(?P<rest>(?=.*\w)\S.*)", re.DOTALL
)
_COUNTS = re.compile(r"\d{1,7}\s*[-–—._:)\]]|[0٠۰]\d{0,6}\s")
_ONLY_NUMBER = re.compile(r"\d{1,7}")


def clean(text: str) -> str:
    """Return a name in the form that the catalog accepts.

    That is one line in NFC, without space at its ends.
    """
    return _NOT_IN_A_LINE.sub(" ", nfc(text)).strip()


def folded(text: str) -> str:
    """Return the form in which names and keys are compared.

    It is percent-decoded and in NFC, with each part trimmed.
    """
    return "/".join(clean(part) for part in unquote(text).split("/"))


def alike(text: str) -> str:
    """Return a comparison key for titles, equal for look-alikes.

    It is what remains of a title without case, accents, signs and spaces.
    """
    bare = _HONORIFICS.sub("", unquote(text))
    letters = "".join(each for each in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(each))
    return _UNSPOKEN.sub("", letters).casefold()


def id_for(name: str) -> str:
    """Return the id that a name gives.

    Arabic is transliterated. Empty when the id would contain no letter.
    """
    made = slug(latin(_HONORIFICS.sub("", name)))
    return made if any(letter.isalpha() for letter in made) else ""


def numbered(stem: str) -> tuple[int | None, str]:
    """Split the number from a file's name.

    The name is given without its extension; digits may be Arabic ones. `100 - The End` gives (100,
    `The End`). A number that belongs to the title (`100% Trust`, `7 Habits`) stays there.
    """
    text = clean(stem)
    if _ONLY_NUMBER.fullmatch(text):
        return int(text), ""
    match = _NUMBERED.match(text) if _COUNTS.match(text) else None
    return (int(match["number"]), match["rest"]) if match else (None, text)


def without_number(title: str, number: int | None) -> str:
    """Return a title without the number that it repeats.

    The title is unchanged when it does not repeat the number, or when nothing would be left.
    """
    match = re.match(r"0*(?P<number>\d{1,7})\s*[-–—.:)]?\s+(?P<rest>\S.*)", title)
    repeats = match is not None and number is not None and int(match["number"]) == number
    return match["rest"] if match is not None and repeats else title


def titled(words: str) -> str:
    """Return a slug as a title.

    `the-cave-of-hira` becomes `The cave of hira`. Anything else is unchanged.
    """
    if " " in words or words != words.lower():
        return words
    text = words.replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


#: Words whose vowels everybody knows.
_WORDS = {
    "الله": "allah",
    "محمد": "muhammad",
    "احمد": "ahmad",
    "بن": "bin",
    "ابن": "ibn",
    "عبد": "abd",
    "عبدالله": "abdullah",
    "القران": "al-quran",
    "قران": "quran",
    "سوره": "surah",
}

_VOWELS = {"ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ى": "a", "ة": "a", "ع": "a", "ئ": "i", "ؤ": "u"}
_MARKS = {"\u064e": "a", "\u064f": "u", "\u0650": "i", "\u064b": "an", "\u064c": "un", "\u064d": "in"}
_GLIDES = {"و": ("w", "u"), "ي": ("y", "i"), "ی": ("y", "i")}
_CONSONANTS = {
    **dict(zip("بتجحدرزسصضطظفقكلمنهپچگڤک", "btjhdrzssdtzfqklmnhpcgvk", strict=True)),
    "ث": "th", "خ": "kh", "ذ": "dh", "ش": "sh", "غ": "gh", "ژ": "zh",
}  # fmt: skip
_SILENT = frozenset("ءـ\u0640\u0653\u0654\u0655\u0670")
_SHADDA, _SUKUN = "\u0651", "\u0652"
_ARTICLE = "ال"

#: NFC puts the sign of a doubled letter behind the vowel that follows it.
_SHADDA_LAST = re.compile("([\u064b-\u0650])(\u0651)")

#: Letters that are written in two ways, as the one that `_WORDS` is spelled with.
_PLAIN = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ة": "ه", "ی": "ي", "ک": "ك"})


def latin(text: str) -> str:
    """Return `text` with its Arabic words in Latin letters.

    Digits become European ones; the rest is unchanged.
    """
    return "".join(_run(run) for run in _runs(unicodedata.normalize("NFC", text)))


def is_arabic(character: str) -> bool:
    """Return whether a character is Arabic.

    It is then a letter, or a vowel mark, of the Arabic script.
    """
    return "\u0620" <= character <= "\u06ef" and not character.isdecimal() and not _is_punctuation(character)


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def _runs(text: str) -> Iterator[str]:
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or is_arabic(text[place]) != is_arabic(text[start]):
            yield text[start:place]
            start = place


def _run(run: str) -> str:
    return _word(run) if is_arabic(run[:1]) else "".join(map(_digit, run))


def _digit(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character


def _word(word: str) -> str:
    bare = "".join(letter for letter in word if not unicodedata.combining(letter))
    if bare.translate(_PLAIN) in _WORDS:
        return _WORDS[bare.translate(_PLAIN)]
    if word.startswith(_ARTICLE) and len(bare) > len(_ARTICLE) + 1:
        return f"al-{_spoken(word[len(_ARTICLE) :])}"
    return _spoken(word)


def _spoken(word: str) -> str:
    sounds = list(_sounds(word))
    spoken = ""
    for place, (sound, is_vowel) in enumerate(sounds):
        after_consonant = place > 0 and not sounds[place - 1][1]
        if after_consonant and not is_vowel and not _has_vowel_before(sounds, place - 1):
            spoken += "a"
            sounds[place - 1] = (sounds[place - 1][0], True)
        spoken += sound
    return spoken


def _has_vowel_before(sounds: list[tuple[str, bool]], place: int) -> bool:
    return place > 0 and sounds[place - 1][1]


def _sounds(word: str) -> Iterator[tuple[str, bool]]:
    """Yield each sound of a word, and whether it is a vowel.

    A mark for the absence of a vowel counts as a vowel here.
    """
    last = ""
    word = _SHADDA_LAST.sub(r"\2\1", word)
    for place, letter in enumerate(word):
        if letter in _GLIDES:
            consonant, vowel = _GLIDES[letter]
            is_vowel = place > 0 and not _is_vowel_at(word, place - 1) and not _is_vowel_at(word, place + 1)
            last = vowel if is_vowel else consonant
            yield last, is_vowel
        elif letter in _VOWELS and word[place + 1 : place + 2] in _MARKS:
            continue  # the mark on it says which vowel it carries
        elif letter in _VOWELS or letter in _MARKS:
            yield {**_VOWELS, **_MARKS}[letter], True
        elif letter == _SHADDA:
            yield last, False
        elif letter == _SUKUN:
            yield "", True
        elif letter in _CONSONANTS:
            last = _CONSONANTS[letter]
            yield last, False
        elif letter not in _SILENT:
            yield letter, False


def _is_vowel_at(word: str, place: int) -> bool:
    return place < len(word) and (word[place] in _VOWELS or word[place] in _MARKS)
