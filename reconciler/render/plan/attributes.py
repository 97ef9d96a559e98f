"""The attributes of a change, before and after, as text for a person.

Nothing here decides anything: what changes was decided by the planner, from canonical values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.model.plan import Action, Change, ObjectState, State
from reconciler.model.values import Value, readable_size
from reconciler.render.escape import harmless, looks_the_same, quoted, spelled_out, value_text
from reconciler.render.plan.sentences import KNOWN_AFTER_APPLY

_LONGEST = 160  # characters of a text that are shown: two lines of a terminal
_CONTEXT = 24  # characters shown before the first difference of two long texts
_HASH_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute that changes.

    The texts are harmless; None means that there is no value.
    """

    name: str
    before: str | None
    after: str | None
    note: str = ""

    @property
    def symbol(self) -> str:
        """Return `+`, `-` or `~`."""
        if self.before is None:
            return "+"
        return "-" if self.after is None else "~"


def attributes(change: Change) -> tuple[Attribute, ...]:
    """Return the attributes that differ between the sides of a change.

    Columns come first, by name, then objects by slot. A created resource has every value that it will
    have, those that the database chooses included; a deleted resource has every value that goes. A
    resource that elmify forgets keeps all of its values.
    """
    if change.action is Action.DELETE:
        return tuple(_removed(change.before)) if change.before else ()
    if change.after is None:
        return ()
    before = change.before or State(values={})
    columns = sorted((*_columns(before, change.after), *_defaults(change)), key=lambda one: one.name)
    return (*columns, *_objects(before, change.after, change.retired))


def hidden_attributes(change: Change) -> int:
    """Return the number of attributes that are not shown.

    They are the attributes of an existing resource that stay as they are.
    """
    if change.before is None or change.after is None:
        return 0
    names = {*change.after.values, *change.after.pending, *change.after.objects}
    return len(names - {attribute.name for attribute in attributes(change)})


def _removed(before: State) -> Iterator[Attribute]:
    for name, value in sorted(before.values.items()):
        if value is not None:
            yield Attribute(name=name, before=_shortened(value_text(value)), after=None)
    for slot, found in sorted(before.objects.items()):
        yield Attribute(name=slot.value, before=object_text(found), after=None)


def _columns(before: State, after: State) -> Iterator[Attribute]:
    left = {name: before.values.get(name) for name in after.values}
    changed = _differing(left, after.values)
    for name in sorted({*changed, *after.pending}):
        if name in after.pending:
            old = before.values.get(name)
            yield Attribute(name=name, before=_text(old), after=KNOWN_AFTER_APPLY)
        else:
            yield column_attribute(name, left[name], after.values[name])


def _defaults(change: Change) -> Iterator[Attribute]:
    for name, value in change.defaults.items():
        yield Attribute(name=name, before=None, after=_text(value), note="the database's default")


def _differing(left: Mapping[str, Value], right: Mapping[str, Value]) -> set[str]:
    """Return the names whose values DeepDiff tells apart, at whatever depth."""
    from deepdiff import DeepDiff  # 0.1 s to import, and needed only when something changes

    tree = DeepDiff(dict(left), dict(right), view="tree")
    return {str(level.path(output_format="list")[0]) for levels in tree.values() for level in levels}


def column_attribute(name: str, old: Value, new: Value) -> Attribute:
    """Return a column that changes from one value to another."""
    if isinstance(old, str) and isinstance(new, str):
        return _changed_text(name, old, new)
    note = _members(old, new) if isinstance(old, tuple) and isinstance(new, tuple) else ""
    return Attribute(name=name, before=_text(old), after=_text(new), note=note)


def _changed_text(name: str, old: str, new: str) -> Attribute:
    note = f"the spelling: {spelled_out(old)} -> {spelled_out(new)}" if looks_the_same(old, new) else ""
    before, after = _excerpts(old, new)
    return Attribute(name=name, before=before, after=after, note=note)


def _members(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    """Say what a list gains and loses; only its order when it does neither."""
    gains = [f"adds {quoted(one)}" for one in new if one not in old]
    losses = [f"drops {quoted(one)}" for one in old if one not in new]
    return ", ".join(gains + losses) or "another order"


def _text(value: Value) -> str | None:
    return None if value is None else _shortened(value_text(value))


def _excerpts(old: str, new: str) -> tuple[str, str]:
    """Return both texts, cut around their first difference when they are long."""
    if max(len(old), len(new)) <= _LONGEST:
        return quoted(old), quoted(new)
    pairs = enumerate(zip(old, new, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))
    start = max(0, same - _CONTEXT)
    lead = "…" if start else ""
    return lead + _shortened(quoted(old[start:])), lead + _shortened(quoted(new[start:]))


def _shortened(text: str) -> str:
    extra = len(text) - _LONGEST
    return text if extra <= 0 else f"{text[:_LONGEST]}… ({extra:,} more characters)"


def _objects(before: State, after: State, retired: tuple[str, ...]) -> Iterator[Attribute]:
    for slot in sorted({*before.objects, *after.objects}):
        old, new = before.objects.get(slot), after.objects.get(slot)
        if new is not None and not new.is_same(old):
            shown = None if old is None else object_text(old)
            yield Attribute(name=slot.value, before=shown, after=object_text(new))
        elif new is None and old is not None and old.key in retired:
            yield Attribute(name=slot.value, before=object_text(old), after=None)


def object_text(found: ObjectState) -> str:
    """Return `"Speaker/01 - Title.mp3" (4.2 MiB, sha256 3f2a9c1b)`."""
    facts = [readable_size(found.size_bytes)]
    if found.sha256:
        facts.append(f"sha256 {harmless(found.sha256[:_HASH_DIGITS])}")
    if not found.verified:
        facts.append("never hashed")
    return f"{quoted(found.key)} ({', '.join(facts)})"
