"""Escaping of outside text for terminals, CI logs and forge comments."""

import re
import unicodedata
from functools import lru_cache

from reconciler.model.values import Value

#: Format characters that scripts need and that change no order: the joiners of Persian, Urdu and emoji, and
#: Unicode's prepended concatenation marks, which are visible (U+06DD is the end of an ayah).
_KEPT = frozenset("\u200c\u200d\u06dd\u070f\u08e2\u0890\u0891\U000110bd\U000110cd") | frozenset(
    map(chr, range(0x0600, 0x0606))
)
#: Control, format and surrogate characters, and the two separators that some terminals break lines at.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: What JSON may hold as it is and a terminal or a CI runner would act on: C1 controls, bidi overrides, line
#: separators, half characters, the middle of `##[`.
_ACTING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|(?<=#)#(?=\\[)")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_LEFT_TO_RIGHT_MARK = "\u200e"


_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}


def styled(text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
    """Return a text in a terminal colour or in bold.

    `fg` is the name of the colour. The codes are those of ECMA-48, SGR.
    """
    codes = ([_COLOURS[fg]] if fg is not None else []) + ([1] if bold else [])
    return "".join(f"\x1b[{code}m" for code in codes) + text + "\x1b[0m"


def harmless(text: str) -> str:
    r"""Return `text` on one line, with active characters escaped.

    Everything that acts instead of showing becomes a visible escape. Controls, escape sequences, bidi
    overrides and newlines become `\x1b`, `\u202e`, `\n`; Arabic, `ﷺ`, marks and emoji stay as they
    are. The commands of a CI runner (`::error::` at the start, `##[group]` anywhere) are broken by an
    escape too, since plans are printed into its logs.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_shown, text))
    return _without_commands(text)


def harmless_lines(text: str) -> list[str]:
    """Return the lines of a text, each one harmless.

    The text is our own and quotes outside text. The indentation is kept.
    """
    return [harmless(line) for line in text.split("\n")]


def harmless_json(text: str) -> str:
    """Return equivalent JSON that is harmless in a terminal and a CI log.

    Characters that would act there are written as JSON escapes.
    """
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def quoted(text: str) -> str:
    """Return `text` harmless and between double quotes.

    A quote or a backslash in it is escaped.
    """
    return f'"{harmless(text.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34)))}"'


def value_text(value: Value) -> str:
    """Return a column value as a plan shows it.

    The forms are `"text"`, `12`, `true`, `["a", "b"]` and `null`.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return quoted(value)
        case tuple():
            return f"[{', '.join(map(quoted, value))}]"


def spelled_out(text: str) -> str:
    """Return `text` between quotes, all non-ASCII characters escaped.

    This distinguishes texts that look the same.
    """
    return quoted(text).encode("ascii", "backslashreplace").decode("ascii")


def looks_the_same(left: str, right: str) -> bool:
    """Return whether two different texts may look alike.

    They differ by another spelling, or by another kind of space.
    """
    return left != right and _appearance(left) == _appearance(right)


def arrow(before: str, after: str) -> str:
    """Join two shown values with an arrow.

    Between right-to-left texts, a mark keeps the new value on the right.
    """
    mark = _LEFT_TO_RIGHT_MARK if _right_to_left(before) and _right_to_left(after) else ""
    return f"{before}{mark} -> {after}"


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN or character in _KEPT:
        return character
    code = ord(character)
    short = f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one byte
    return _NAMED.get(character) or (short if code <= 0xFFFF else f"\\U{code:08x}")  # noqa: PLR2004 - the BMP


def _without_commands(text: str) -> str:
    stripped = text.lstrip()
    if stripped.startswith("::"):
        text = f"{text[: len(text) - len(stripped)]}\\x3a{stripped[1:]}"
    return text.replace("##[", "#\\x23[")


def _appearance(text: str) -> str:
    shown = unicodedata.normalize("NFKC", text)
    return "".join(character for character in shown if character not in "\u200c\u200d")


def _right_to_left(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(one) in _RIGHT_TO_LEFT for one in text)


#: What Markdown, HTML, a mention, a reference or a CI runner could take for more than text.
_ENTITIES = {ord(character): f"&#{ord(character)};" for character in "&<>\"'`*_[]|~\\$@#!"}
#: What makes a mention, a reference or an address in a sentence: in `<code>` no forge follows it.
_REFERENCE = re.compile(r"&#(?:64|35);|://")
_UNFIT_FOR_A_MARKER = re.compile(r"[^A-Za-z0-9._-]|(?<=-)-|-$")


def code(text: str) -> str:
    """Return a text from outside as code; nothing for an empty one."""
    return f"<code>{_entities(text)}</code>" if text else ""


def prose(text: str) -> str:
    """Return a sentence that may quote what came from outside."""
    return _REFERENCE.sub(r"<code>\g<0></code>", _entities(text))


def marker_word(text: str) -> str:
    """Return a text in a form that is safe in a hidden comment.

    The text cannot close the comment then.
    """
    return _UNFIT_FOR_A_MARKER.sub("_", text)


def _entities(text: str) -> str:
    return harmless(text).translate(_ENTITIES).replace("::", "&#58;&#58;")
