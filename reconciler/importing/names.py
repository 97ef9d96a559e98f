"""Names as people and scripts wrote them: cleaned, compared, numbered, and made into ids."""

# ruff: noqa: RUF001 - people number with dashes and digits of several sorts

import re
import unicodedata
from urllib.parse import unquote

from reconciler.importing.arabic import latin
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
    """Return a name as the catalog takes it: one line in NFC, no space at its ends."""
    return _NOT_IN_A_LINE.sub(" ", nfc(text)).strip()


def folded(text: str) -> str:
    """Return the form in which names and keys are compared: percent-decoded, NFC, each part trimmed."""
    return "/".join(clean(part) for part in unquote(text).split("/"))


def alike(text: str) -> str:
    """Return what is left of a title once case, accents, signs and spaces are gone: equal for look-alikes."""
    bare = _HONORIFICS.sub("", unquote(text))
    letters = "".join(each for each in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(each))
    return _UNSPOKEN.sub("", letters).casefold()


def id_for(name: str) -> str:
    """Return the id that a name gives, Arabic transliterated; empty when no letter would be in it."""
    made = slug(latin(_HONORIFICS.sub("", name)))
    return made if any(letter.isalpha() for letter in made) else ""


def numbered(stem: str) -> tuple[int | None, str]:
    """Split the number from a file's name, without its extension; digits may be Arabic ones.

    `100 - The End` gives (100, `The End`). A number that belongs to the title (`100% Trust`, `7 Habits`)
    stays there.
    """
    text = clean(stem)
    if _ONLY_NUMBER.fullmatch(text):
        return int(text), ""
    match = _NUMBERED.match(text) if _COUNTS.match(text) else None
    return (int(match["number"]), match["rest"]) if match else (None, text)


def without_number(title: str, number: int | None) -> str:
    """Return a title that repeats its number without it; the title when it does not, or nothing is left."""
    match = re.match(r"0*(?P<number>\d{1,7})\s*[-–—.:)]?\s+(?P<rest>\S.*)", title)
    repeats = match is not None and number is not None and int(match["number"]) == number
    return match["rest"] if match is not None and repeats else title


def titled(words: str) -> str:
    """Return a slug as a title: `the-cave-of-hira` as `The cave of hira`. Anything else stays."""
    if " " in words or words != words.lower():
        return words
    text = words.replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]
