"""What YAML 1.1 makes of unquoted text, by PyYAML's own rules, and how to say so to a person."""

import datetime as dt
import re
from dataclasses import dataclass

import yaml

_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_TRUE_FALSE = yaml.constructor.SafeConstructor.bool_values
_TAG = "tag:yaml.org,2002:"

#: A number as a person writes it. `010` (8 to YAML), `1_000`, `0x1F` and `22:22` (1342) are numbers to YAML
#: too, but not the ones that were meant.
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Odd:
    """A value that no field takes, as it was written: a date, `22:22`, `.5`, an alias, or nothing at all.

    `reported` says that a diagnostic about it exists already.
    """

    raw: str
    reported: bool = False


#: What follows a colon with nothing behind it: too easily an accident to mean `null`.
NOTHING = Odd("")

Scalar = str | int | bool | None | Odd


def resolve(raw: str) -> Scalar:
    """Return the value of an unquoted scalar: text, a plain whole number, a boolean, `null`, or `Odd`."""
    for tag, pattern in _RESOLVERS.get(raw[:1], ()):
        if pattern.match(raw):
            return _construct(tag.removeprefix(_TAG), raw)
    return raw


def _construct(tag: str, raw: str) -> Scalar:
    match tag:
        case "null":
            return None if raw else NOTHING
        case "bool":
            return _TRUE_FALSE[raw.lower()]
        case "int" if _PLAIN_NUMBER.fullmatch(raw):
            return int(raw)
        case _:
            return Odd(raw)


def reading_of(raw: str) -> str:
    """Say what YAML takes unquoted text for: `the number 1342`, `the date 2025-01-01`, `false`."""
    try:
        value = yaml.load(raw, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):  # `=` and `<<`, the 31st of February, a number of 5,000 digits
        return "something other than text"
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "null, which is nothing"
        case int() | float():
            return f"the number {value}"
        case dt.datetime():
            return f"the time {value}"
        case dt.date():
            return f"the date {value}"
        case _:
            return "text"
