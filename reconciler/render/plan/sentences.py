"""The sentences that every rendering of a plan shares."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from reconciler.model.address import Address
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import (
    Action,
    Change,
    Impact,
    Merged,
    Plan,
    Restored,
)
from reconciler.model.values import counted, listed, readable_size
from reconciler.planning.corrections import QUIET, corrections
from reconciler.planning.diff import differing_names
from reconciler.render.escape import harmless

NO_CHANGES = "No changes. The library matches the catalog."
KNOWN_AFTER_APPLY = "(known after apply)"

#: Deletes first, then what may surprise, then what is only new.
ORDER = (
    Action.DELETE,
    Action.FORGET,
    Action.MOVE,
    Action.UPDATE,
    Action.ADOPT,
    Action.CREATE,
)
SYMBOLS: Mapping[Action, str] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.MOVE: ">",
    Action.ADOPT: "<",
    Action.FORGET: ".",
    Action.NO_OP: " ",
}
VERBS: Mapping[Action, str] = {
    Action.ADOPT: "import",
    Action.CREATE: "add",
    Action.UPDATE: "change",
    Action.MOVE: "move",
    Action.DELETE: "delete",
    Action.FORGET: "forget",
}
#: Words for the tables of user data that are known today; others are named as tables.
_PEOPLE_WORDS: Mapping[str, tuple[str, str]] = {
    "favorites": ("favourite", "favourites"),
    "playback_positions": ("playback position", "playback positions"),
    "user_saved_lectures": ("saved lecture", "saved lectures"),
    "listening_stats": ("day of listening statistics", "days of listening statistics"),
    "lecture_play_credits": ("play credit", "play credits"),
}
_ALWAYS_COUNTED = frozenset({Action.CREATE, Action.UPDATE, Action.DELETE})
_MOST_GLOBS = 10  # of a scope, on the line that tells it


def joined(parts: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join([*[", ".join(parts[:-1])][: len(parts) > 1], *parts[-1:]])


def plan_line(plan: Plan) -> str:
    """Return the line that every rendering ends on, in Terraform's form.

    `to import`, `to move` and `to forget` are left out while they are zero. A rollback and a merge say what
    they are in the place of `Plan`. Imports that correct nothing are no changes to anybody but elmify; those
    that correct something count as changes too, as in Terraform, and say which columns they correct.
    """
    if plan.empty:
        return NO_CHANGES if plan.rolls_back is None else _nothing_to_take_back(plan)
    if all(not change.visible or _takes_as_it_is(change) for change in plan.changes):
        return f"{NO_CHANGES} {plan.count(Action.ADOPT):,} to import as they are."
    told = counts_sentence(plan, {action: f"to {verb}" for action, verb in VERBS.items()}, ("is", "are"))
    return f"{purpose_of(plan) or 'Plan'}: {told}."


def counts_of(plan: Plan) -> Mapping[Action, int]:
    """Return the changes of each action that has a verb.

    What rewrites a row under another name than an update counts among the updates too.
    """
    rewritten = sum(corrections(plan, action).rows for action in QUIET)
    counts = {action: plan.count(action) for action in VERBS}
    return {**counts, Action.UPDATE: counts[Action.UPDATE] + rewritten}


#: How a plan says that a change of such an action rewrites its row.
_REWRITTEN: Mapping[Action, str] = {Action.ADOPT: "corrected", Action.FORGET: "changed back"}


def counts_sentence(plan: Plan, words: Mapping[Action, str], be: tuple[str, str]) -> str:
    """Return the counts of a plan, with the columns that imports correct.

    It is `485 to import, of which 465 are corrected: audio_url 465, title 101; 0 to add, 465 to change`.
    `words` says what comes after the number of each action, `be` the verb for one and for more.
    """
    text, clause = "", False
    for action, number in counts_of(plan).items():
        if not number and action not in _ALWAYS_COUNTED:
            continue
        columns = _columns_sentence(plan, action, be)
        text += ("; " if clause or columns else ", ") if text else ""
        text += f"{number} {words[action]}{columns}"
        clause = bool(columns)
    return text


def _columns_sentence(plan: Plan, action: Action, be: tuple[str, str]) -> str:
    found = corrections(plan, action)
    if action not in QUIET or not found.rows:
        return ""
    columns = ", ".join(f"{harmless(name)} {count}" for name, count in found.counts.items())
    verb = be[0] if found.rows == 1 else be[1]
    return f", of which {found.rows} {verb} {_REWRITTEN[action]}: {columns}"


def purpose_of(plan: Plan) -> str:
    """Return the purpose of a rollback or a merge.

    It is `Rollback of run 12`, or the two lectures of a merge. Empty for a plan of the catalog.
    """
    if plan.rolls_back is not None:
        return f"Rollback of run {plan.rolls_back}"
    if plan.merges is not None:
        return f"Merge of {' into '.join(map(harmless, plan.merges))}"
    return ""


def _nothing_to_take_back(plan: Plan) -> str:
    left = "only the records change" if plan.changes else "it has been taken back already"
    return f"No changes. Rollback of run {plan.rolls_back}: {left}."


def _takes_as_it_is(change: Change) -> bool:
    """Return whether a row becomes managed without any change.

    Such a row keeps everything it says.
    """
    if change.action is not Action.ADOPT or change.before is None or change.after is None:
        return False
    return not differing_names(change.before, change.after)


def stores_sentence(plan: Plan) -> str:
    """Return the stores that a plan is of; empty when it does not say."""
    return f"Stores: {harmless(str(plan.stores))}." if plan.stores is not None else ""


def partial_line(plan: Plan) -> str:
    """Return the notice that a plan is partial.

    A plan with a scope must say it everywhere it is shown. Empty for a whole plan.
    """
    if not plan.scope:
        return ""
    scope = listed([harmless(glob) for glob in plan.scope], _MOST_GLOBS)
    return f"PARTIAL: only {scope} was compared; everything else was left out and is not touched."


def lost_sentence(impact: Impact | None) -> str:
    """Return a sentence about the user rows that would be lost.

    It is `would lose 3 favourites of 2 listeners`; empty when no user loses anything. With several
    tables, each has its own number of listeners too.
    """
    if impact is None or not impact.lost_rows:
        return ""
    tables = [(table, count) for table, count in sorted(impact.lost.items()) if count]
    if len(tables) == 1 or not impact.users_of:
        rows = [rows_of(table, count) for table, count in tables]
        people = f" of {counted(impact.users, 'listener')}" if impact.users else ""
    else:
        rows = [f"{rows_of(t, count)} ({_listeners(impact.users_of.get(t, 0))})" for t, count in tables]
        people = f": {counted(impact.users, 'listener')} in all"
    return f"would lose {joined(rows)}{people}"


def _listeners(count: int) -> str:
    return counted(count, "listener") if count else "of nobody known"


def beyond_sentence(impact: Impact | None) -> str:
    """Return a sentence about playback positions and shorter audio.

    It says what shorter audio does to the places that listeners keep. Empty when it affects none.
    """
    if impact is None or not impact.beyond:
        return ""
    people = f" of {counted(impact.beyond_users, 'listener')}" if impact.beyond_users else ""
    are = "is" if impact.beyond == 1 else "are"
    return f"{counted(impact.beyond, 'playback position')}{people} {are} behind the end of the new audio"


def kept_sentence(impact: Impact | None) -> str:
    """Return `keeps 41 user rows`; empty when there are none."""
    return f"keeps {counted(impact.kept, 'user row')}" if impact and impact.kept else ""


def rows_of(table: str, count: int) -> str:
    """Return a count of user rows in words.

    It is `3 favourites`, or `3 rows of new_table` for a table that has no word yet.
    """
    name = table.removeprefix("public.")
    if name in _PEOPLE_WORDS:
        return counted(count, *_PEOPLE_WORDS[name])
    return f"{counted(count, 'row')} of {harmless(name)}"


def row_name(kind: Kind, row: int) -> str:
    """Return `lectures[412]`."""
    return f"{TABLES[kind].name}[{row}]"


def standing(change: Change) -> str:
    """Return the row or the kind of an address.

    It is `lectures[412]`, or the kind of what has no row yet.
    """
    if change.kind is None:
        return "object"
    return change.kind.value if change.row is None else row_name(change.kind, change.row)


def by_kind(changes: Iterable[Change]) -> str:
    """Return `1 speaker, 2 collections, 11 lectures`."""
    kinds = Counter("object" if change.kind is None else change.kind.value for change in changes)
    return ", ".join(counted(kinds[kind], kind) for kind in (*Kind, "object") if kinds[kind])


def of_action(plan: Plan, action: Action) -> list[Change]:
    """Return the plan's changes with that action, in the plan's order."""
    return [change for change in plan.changes if change.action is action]


def unmanaged_sentence(plan: Plan) -> str:
    """Return a sentence about unmanaged rows and objects.

    It says how much exists that the catalog does not declare. Empty when there is nothing.
    """
    rows = [counted(len(ids), kind.value) for kind in Kind if (ids := plan.unmanaged.rows.get(kind, ()))]
    sizes = plan.unmanaged.objects.values()
    objects = [f"{counted(len(sizes), 'object')} ({readable_size(sum(sizes))})"] if sizes else []
    found = [*rows, *objects]
    alone = "" if "delete-unmanaged" in plan.options else ", and left alone"
    sentences = [f"Unmanaged{alone}: {', '.join(found)}."] if found else []
    if plan.ignored:
        sentences.append(f"Let be, as elmify.yaml says, and not listed: {plan.ignored:,}.")
    return " ".join(sentences)


def unmanaged_addresses(plan: Plan) -> tuple[list[str], list[str]]:
    """Return the addresses of unmanaged rows, and those of unmanaged objects."""
    rows = [f"unmanaged.{row_name(kind, row)}" for kind in Kind for row in plan.unmanaged.rows.get(kind, ())]
    return rows, [object_address(key) for key in sorted(plan.unmanaged.objects)]


def object_address(key: str) -> str:
    """Return the address of an unmanaged object."""
    return Address(f"unmanaged.object[{key}]")


def options_sentence(plan: Plan) -> str:
    """Return what was asked for beyond the catalog; empty when nothing was."""
    return f"Planned with {', '.join(f'--{harmless(one)}' for one in plan.options)}." if plan.options else ""


def allowances_sentence(plan: Plan) -> str:
    """Return a sentence about the allowances of a plan.

    They are the ceilings that a reviewer of this plan approves. Empty when there are none.
    """
    given = [f"{harmless(guard)} up to {ceiling:,}" for guard, ceiling in sorted(plan.allowances.items())]
    return f"Allowed with this plan: {', '.join(given)}." if given else ""


def unverified_sentence(plan: Plan) -> str:
    """Return how many objects nobody has hashed; empty when all were."""
    if not plan.unverified:
        return ""
    were = f"{counted(plan.unverified, 'object was', 'objects were')} never hashed"
    return f"Unverified: {were}, only compared by size and ETag."


def people_sentence(plan: Plan) -> str:
    """Return a sentence about the effect of a plan on listeners.

    It covers the whole plan. Empty when the plan affects no listener.
    """
    impact = plan.impact
    lost, beyond, kept = lost_sentence(impact), beyond_sentence(impact), kept_sentence(impact)
    back, over = restored_sentence(plan.restored), merged_sentence(plan.merged)
    if not (lost or beyond or kept or back or over):
        return ""
    told = [lost or "nobody would lose anything", beyond, kept, back, over]
    return f"People: {'; '.join(filter(None, told))}."


def merged_sentence(merged: Merged) -> str:
    """Return a sentence about the user rows that a merge moves.

    It is `takes over 3 favourites of 2 listeners`, and the rows that are combined. Empty when there
    is nothing.
    """
    moved = [rows_of(table, count) for table, count in sorted(merged.moved.items())]
    combined = [rows_of(table, count) for table, count in sorted(merged.combined.items())]
    people = f" of {counted(merged.users, 'listener')}" if merged.users else ""
    told = [
        f"takes over {joined(moved)}" if moved else "",
        f"combines {joined(combined)} with those that are there already" if combined else "",
    ]
    return f"{'; '.join(filter(None, told))}{people}" if moved or combined else ""


def restored_sentence(restored: Restored) -> str:
    """Return a sentence about the user rows that a rollback restores.

    It is `brings back 3 favourites of 2 listeners`, and what is left out. Empty when there is
    neither.
    """
    back = [rows_of(table, count) for table, count in sorted(restored.rows.items()) if count]
    people = f" of {counted(restored.users, 'listener')}" if restored.users else ""
    orphaned = [rows_of(table, count) for table, count in sorted(restored.orphaned.items())]
    present = [rows_of(table, count) for table, count in sorted(restored.present.items())]
    told = [
        f"brings back {joined(back)}{people}" if back else "",
        f"leaves out {joined(orphaned)}, whose user, or whatever else they refer to, was deleted since"
        if orphaned
        else "",
        f"leaves out {joined(present)}, which are there again" if present else "",
    ]
    return "; ".join(filter(None, told))
