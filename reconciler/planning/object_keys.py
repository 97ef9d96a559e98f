"""Object keys: rendered from a template, made unique by a hash.

A key is rendered once and never overwritten.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from types import SimpleNamespace

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reconciler.model.catalog import Resource
from reconciler.model.kinds import Kind, Slot
from reconciler.model.policy import KEY_MAX_BYTES, OWN_PREFIX
from reconciler.model.values import nfc

TEMPLATE_MAX_CHARS = 2_000

#: Compiled ones; a project has a handful, and a process that serves many projects keeps no more than these.
_TEMPLATES_KEPT = 128
HASH_DIGITS = 8

#: What a template may be made of: text, names, their attributes, a few filters and plain conditions. No
#: calls, no loops, no arithmetic: so it can neither reach Python nor grow without bound.
_ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Filter,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.Test,
    nodes.Not,
    nodes.And,
    nodes.Or,
)
_ALLOWED_FILTERS = frozenset({"pad", "lower", "upper", "trim", "default"})
_ALLOWED_TESTS = frozenset({"none", "defined", "undefined"})
_PAD_MAX = 12
_NO_ATTRIBUTE = re.compile(r"'[\w.]+ object' has no attribute")


class TemplateRefused(ValueError):
    """A key template is not valid, or does more than choose a key."""


def _pad(number: object, width: int = 2) -> str:
    return str(number).zfill(min(width, _PAD_MAX))


#: What a URL that an app puts together by hand does not bring to the server.
_LOST_IN_URLS = {"\\": "-", "?": None, "#": None, "%": None}
_KEY_TEXT = str.maketrans({"/": "-", **_LOST_IN_URLS})
#: For a text that would be no part of a key without them.
_KEY_TEXT_KEPT = str.maketrans(dict.fromkeys(("/", *_LOST_IN_URLS), "-"))
_NO_PARTS = frozenset({"", ".", ".."})
_KEY = str.maketrans(_LOST_IN_URLS)


def arriving_key(key: str) -> str:
    """Return a key without the characters that do not arrive in a raw URL."""
    return key.translate(_KEY)


def _as_key_text(value: object) -> object:
    """Return a value that is safe as part of a key.

    A slash in a title must not open a folder. `?`, `#` and `%` are left out, and a backslash is a dash: an
    app that puts a key into a URL as it is asks for something else then.
    """
    if not isinstance(value, str):
        return value
    text = value.translate(_KEY_TEXT).strip()
    return value.translate(_KEY_TEXT_KEPT).strip() if text in _NO_PARTS else text


class _Environment(ImmutableSandboxedEnvironment):
    """Sandbox whose only objects are fields of catalog entries and rows.

    `_check` lets a template reach nothing but these fields, and none of what a field's value has.
    """

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:  # noqa: ARG002 - jinja2's
        """Return whether an attribute is no part of Python's own."""
        return not attr.startswith("_")


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = _Environment(undefined=StrictUndefined, autoescape=False)
    environment.filters = {name: environment.filters.get(name, _pad) for name in _ALLOWED_FILTERS}
    return environment


def _check(template: str) -> None:
    if len(template) > TEMPLATE_MAX_CHARS:
        raise TemplateRefused(f"it is longer than {TEMPLATE_MAX_CHARS} characters")
    tree = _environment().parse(template)
    fields = {id(node.node) for node in tree.find_all(nodes.Getattr)}
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED_NODES):
            raise TemplateRefused(f"it may not contain {type(node).__name__.lower()} (line {node.lineno})")
        if isinstance(node, nodes.Getattr) and not _is_field(node):
            raise TemplateRefused(f"it may not reach {node.attr!r} (line {node.lineno})")
        if isinstance(node, nodes.Name) and node.name != "ext" and id(node) not in fields:
            raise TemplateRefused(f"it may not use {node.name!r} as it is (line {node.lineno})")
        if isinstance(node, nodes.Test) and node.name not in _ALLOWED_TESTS:
            raise TemplateRefused(f"it may not test {node.name!r} (line {node.lineno})")


def _is_field(node: nodes.Getattr) -> bool:
    """Return whether a node is a catalog field such as `lecture.title`.

    The attributes of a field itself are Python's and do not count.
    """
    owner = node.node
    return isinstance(owner, nodes.Name) and owner.name in set(Kind) and not node.attr.startswith("_")


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _compiled(template: str) -> Callable[[Mapping[str, object]], str]:
    try:
        _check(template)
        return _environment().from_string(template).render
    except TemplateError as error:
        raise TemplateRefused(str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise TemplateRefused("it is nested too deeply") from error


def _view(resource: Resource | None) -> SimpleNamespace | None:
    if resource is None:
        return None
    fields = {name: _as_key_text(value) for name, value in resource.fields.items()}
    fields.setdefault("number", None)
    fields.setdefault("year", None)
    return SimpleNamespace(id=resource.address.rpartition("/")[2], **fields)


def render_key(template: str, lineage: Mapping[Kind, Resource], extension: str) -> str:
    """Return the key that `template` gives a resource.

    `lineage` holds the resource and its parents by kind, `extension` the file's, without a dot. The names in
    a template are `speaker`, `collection`, `lecture` (each with its catalog fields and `id`) and `ext`.
    Raises `TemplateRefused` for a template that is invalid, unsafe, or names what is not there.
    """
    names: dict[str, object] = {kind.value: _view(lineage.get(kind)) for kind in Kind}
    return render_template(template, {**names, "ext": extension})


def render_template(template: str, names: Mapping[str, object]) -> str:
    """Return the text that a key template gives with these names.

    Raises `TemplateRefused` for a template that is invalid, unsafe, or names what is not there.
    """
    try:
        return _compiled(template)(names)
    except (TemplateError, TypeError) as error:
        raise TemplateRefused(_NO_ATTRIBUTE.sub("what it names has no", str(error))) from error


def default_key(
    templates: Mapping[Slot, str], slot: Slot, lineage: Mapping[Kind, Resource], media_path: str
) -> str:
    """Return the key that a file would get in an empty bucket.

    It is rendered from the slot's template, with the file's own extension.
    """
    return render_key(templates[slot], lineage, extension_of(media_path))


def extension_of(path: str) -> str:
    """Return the extension of a path or key, in lower case without its dot.

    It is empty when there is no extension.
    """
    name = path.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


class KeyProblem(StrEnum):
    """Reasons for which a key may not be used, each as a clause."""

    EMPTY_PART = "it has an empty part"
    TOO_LONG = f"it is longer than {KEY_MAX_BYTES:,} bytes"
    DOT_SEGMENT = "it has a `.` or `..` segment"
    RESERVED = f"{OWN_PREFIX} is elmify's own"
    CONTROL_CHARACTER = "it has a control character"


def key_problem(key: str) -> KeyProblem | None:
    """Return why `key` may not be used; None when it may be used.

    R2 takes keys of up to 1,024 bytes; `..` breaks its signature.
    """
    if not key or key.startswith("/") or key.endswith("/") or "//" in key:
        return KeyProblem.EMPTY_PART
    if len(key.encode("utf-8", "surrogatepass")) > KEY_MAX_BYTES:
        return KeyProblem.TOO_LONG
    if any(part in {".", ".."} for part in key.split("/")):
        return KeyProblem.DOT_SEGMENT
    if key.startswith(OWN_PREFIX):
        return KeyProblem.RESERVED
    if any(ord(character) < ord(" ") or character == "\x7f" for character in key):
        return KeyProblem.CONTROL_CHARACTER
    return None


def with_hash(key: str, sha256: str, taken: Callable[[str], bool]) -> str:
    """Return `key` with the first hex digits of the hash.

    They come before the extension: `01 - Title~3f2a9c1b.mp3`. More digits are used, and then a
    counter, while `taken` says that such a key was ever used.
    """
    stem, tail = _split(key)
    for digits in (HASH_DIGITS, 16, 32, 64):
        candidate = f"{stem}~{sha256[:digits]}{tail}"
        if not taken(candidate):
            return candidate
    counter = 2
    while taken(candidate := f"{stem}~{sha256}-{counter}{tail}"):
        counter += 1
    return candidate


def is_form_of(key: str, wished: str, sha256: str) -> bool:
    """Return whether `key` is a form of the key `wished`.

    That is `wished` itself, or what `with_hash` may have made of it for those bytes.
    """
    stem, tail = _split(nfc(wished))
    folded = nfc(key)
    return folded == nfc(wished) or (
        folded.startswith(f"{stem}~{sha256[:HASH_DIGITS]}") and folded.endswith(tail)
    )


_HASHED = re.compile(rf"~[0-9a-f]{{{HASH_DIGITS},}}(-\d+)?$")


def has_hash(key: str) -> bool:
    """Return whether `with_hash` made a key: it never gets other bytes."""
    return _HASHED.search(_split(key)[0]) is not None


def _split(key: str) -> tuple[str, str]:
    """Split a key before its extension.

    The second part is empty where there is no extension, as in `.hidden`.
    """
    folder, slash, name = key.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    return (f"{folder}{slash}{stem}", f"{dot}{extension}") if stem else (key, "")
