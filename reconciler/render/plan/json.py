"""A plan as JSON, in the shape of Terraform's, and back.

The text is canonical: keys are sorted, and the same plan gives the same bytes but for the timestamp.
"""

from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.model.drift import DriftFinding
from reconciler.model.errors import PlanRefused
from reconciler.model.plan import (
    Action,
    Blocked,
    Change,
    Impact,
    ObjectState,
    Plan,
    Put,
    PutOrigin,
    Restored,
    State,
    Unmanaged,
)
from reconciler.model.playback import PlaybackCopy, WayCount
from reconciler.model.remedies import MakePlan
from reconciler.model.values import canonical_json, first_few
from reconciler.planning.corrections import CORRECTING, corrections
from reconciler.planning.fingerprint import change_id, fingerprint
from reconciler.render.diagnostics import position_json
from reconciler.render.escape import harmless_json
from reconciler.render.plan.costs import cost_of
from reconciler.render.plan.notes import hindrance_remedy
from reconciler.render.plan.sentences import (
    VERBS,
    counts_of,
    object_address,
    row_name,
)
from reconciler.render.plan.steps import steps_of
from reconciler.render.remedies import remedy_json

if TYPE_CHECKING:
    from pydantic import ValidationError

    from reconciler.render.plan.schema import PlanPart

    PartT = TypeVar("PartT", bound=PlanPart)

#: The first number changes when an older elmify would misread the file; the second when keys are added.
FORMAT_VERSION = "2.1"
_PLAN_AGAIN = "Make it again and have it reviewed:"
_REMEDIES = (MakePlan(review=True),)
_DETAILS = 10  # mistakes that are told of one file


def dump_plan(plan: Plan) -> str:
    """Return the plan as canonical JSON; `load_plan` gives an equal plan back.

    A line for each key, and within a list one for each item: so two plans can be compared line by line, and
    tens of thousands of changes take a fraction of the time and space of an indented text.
    """
    lines = [f"{canonical_json(key)}: {_lines(value)}" for key, value in sorted(plan_document(plan).items())]
    return harmless_json("{\n" + ",\n".join(lines) + "\n}\n")


def _lines(value: object) -> str:
    if not isinstance(value, list) or not value:
        return canonical_json(value)
    return "[\n" + ",\n".join(map(canonical_json, value)) + "\n]"


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `dump_plan` writes.

    It is the schema that `docs/plan.schema.json` publishes.
    """
    from reconciler.render.plan.schema import json_schema

    return dict(json_schema())


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON values.

    For a command whose own JSON contains a plan.
    """
    return {
        "format_version": FORMAT_VERSION,
        "elmify_version": _elmify_version(),
        "timestamp": plan.made_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "environment": plan.environment,
        "stores": plan.stores and {"bucket": plan.stores.bucket, "database": plan.stores.database},
        "fingerprint": plan.fingerprint,
        "partial": bool(plan.scope),
        "scope": list(plan.scope),
        "options": list(plan.options),
        "allowances": dict(plan.allowances),
        "resource_changes": [_change(change) for change in plan.changes],
        "corrections": _corrections(plan),
        "resource_drift": [_drift(drift) for drift in plan.drift],
        "impact": _impact(plan.impact),
        "guards": [_blocked(blocked) for blocked in plan.blocked],
        "unmanaged": _unmanaged(plan.unmanaged),
        "unchanged": plan.unchanged,
        "unverified": plan.unverified,
        "ignored": plan.ignored,
        "listed": plan.listed,
        "rolls_back": plan.rolls_back,
        "restored": _restored(plan.restored),
        "merges": list(plan.merges) if plan.merges is not None else None,
        "merged": {
            "moved": dict(plan.merged.moved),
            "combined": dict(plan.merged.combined),
            "users": plan.merged.users,
        },
        "kept": [
            {"key": key, "column": named_by.column, "readable": named_by.readable}
            for key, named_by in sorted(plan.kept.items())
        ],
        "playback": [_way(count) for count in plan.playback],
        "not_rekeyed": [
            {
                "address": left.address,
                "slot": left.slot.value,
                "key": left.key,
                "wished": left.wished,
                "reason": left.reason.value,
                "remedy": remedy_json(hindrance_remedy(left.reason)),
            }
            for left in plan.not_rekeyed
        ],
        "summary": _summary(plan),
    }


@cache
def _elmify_version() -> str:
    from importlib.metadata import version

    return version("elmify")


def _change(change: Change) -> dict[str, Any]:
    pending = dict(change.after.pending) if change.after else {}
    return {
        "address": change.address,
        "kind": change.kind and change.kind.value,
        "mode": "managed",
        "previous_address": change.previous_address,
        "change_id": change.change_id,
        "action_reason": change.reason,
        "change": {
            "actions": [change.action.value],
            "before": change.before and _state(change.before),
            "after": change.after and _state(change.after),
            "after_unknown": dict.fromkeys(pending, True),
            "waits_for": pending,
        },
        "defaults": dict(change.defaults),
        "row": change.row,
        "steps": [
            {"store": step.store.value, "verb": step.verb, "target": step.target, "note": step.note}
            for step in steps_of(change)
        ],
        "impact": change.impact and _impact(change.impact),
        "position": change.position and position_json(change.position),
        "puts": [_put(put) for put in change.puts],
        "copies": [_copy(copy) for copy in change.copies],
        "reused": list(change.reused),
        "retired": list(change.retired),
        "released": list(change.released),
        "remembered": list(change.remembered),
        "protect": change.protect,
    }


def _state(state: State) -> dict[str, Any]:
    return {**state.values, "objects": {slot.value: _object(one) for slot, one in state.objects.items()}}


def _object(found: ObjectState) -> dict[str, Any]:
    return {
        "key": found.key,
        "size_bytes": found.size_bytes,
        "sha256": found.sha256,
        "verified": found.verified,
    }


def _put(put: Put) -> dict[str, Any]:
    return {
        "slot": put.slot.value,
        "key": put.key,
        "path": put.path,
        "size_bytes": put.size_bytes,
        "sha256": put.sha256,
        "media_type": put.media_type,
        "multipart": put.multipart,
        "origin": put.origin.value,
        "copied_from": put.copied_from,
    }


def _copy(copy: PlaybackCopy) -> dict[str, Any]:
    return {
        "step": copy.step.value,
        "key": copy.key,
        "source": copy.source,
        "size_bytes": copy.size_bytes,
        "way": copy.way,
        "sha256": copy.sha256,
        "source_etag": copy.source_etag,
        "replaces": copy.replaces,
        "media_type": copy.media_type,
        "address": copy.address,
        "row": copy.row,
    }


def _way(count: WayCount) -> dict[str, Any]:
    return {
        "way": count.way,
        "lectures": count.lectures,
        "plays": count.plays,
        "lectures_after": count.lectures_after,
        "plays_after": count.plays_after,
        "report": count.report,
    }


def _impact(impact: Impact) -> dict[str, Any]:
    return {
        "lost": dict(impact.lost),
        "users": impact.users,
        "users_of": dict(impact.users_of),
        "kept": impact.kept,
        "beyond": impact.beyond,
        "beyond_users": impact.beyond_users,
    }


def _restored(restored: Restored) -> dict[str, Any]:
    return {
        "rows": dict(restored.rows),
        "users": restored.users,
        "orphaned": dict(restored.orphaned),
        "present": dict(restored.present),
    }


def _corrections(plan: Plan) -> list[dict[str, Any]]:
    found = (corrections(plan, action) for action in CORRECTING)
    return [
        {
            "actions": [one.action.value],
            "rows": one.rows,
            "columns": [
                {
                    "column": group.column,
                    "count": group.count,
                    "examples": [
                        {
                            "address": example.address,
                            "before": example.before,
                            "after": example.after,
                            "after_unknown": example.waits,
                        }
                        for example in group.examples
                    ],
                }
                for group in one.columns
            ],
        }
        for one in found
        if one.rows
    ]


def _drift(drift: DriftFinding) -> dict[str, Any]:
    return {
        "kind": drift.what.value,
        "address": drift.address,
        "attribute": drift.attribute,
        "type": drift.kind and drift.kind.value,
        "row": drift.row,
        "also": drift.also,
        "change": {
            "actions": ["update"],
            "before": {drift.attribute: drift.recorded},
            "after": {drift.attribute: drift.actual},
        },
    }


def _blocked(blocked: Blocked) -> dict[str, Any]:
    return {
        "guard": blocked.guard,
        "summary": blocked.summary,
        "addresses": list(blocked.addresses),
        "remedies": [remedy_json(remedy) for remedy in blocked.remedies],
    }


def _unmanaged(unmanaged: Unmanaged) -> dict[str, Any]:
    counts = {kind.value: len(ids) for kind, ids in unmanaged.rows.items()}
    sizes = unmanaged.objects.values()
    return {
        "rows": {
            kind.value: [{"address": f"unmanaged.{row_name(kind, row)}", "row": row} for row in ids]
            for kind, ids in unmanaged.rows.items()
        },
        "objects": [
            {"address": object_address(key), "key": key, "size_bytes": size}
            for key, size in sorted(unmanaged.objects.items())
        ],
        "counts": {**counts, "object": len(sizes), "object_bytes": sum(sizes)},
    }


def _summary(plan: Plan) -> dict[str, Any]:
    cost, corrected = cost_of(plan), corrections(plan, Action.ADOPT)
    copies = list(plan.puts_from(PutOrigin.STAGED, PutOrigin.COPY))
    return {
        **{VERBS[action]: number for action, number in counts_of(plan).items()},
        "corrected": corrected.rows,
        "upload_objects": len(list(plan.puts_from(PutOrigin.DISK))),
        "upload_bytes": plan.upload_bytes,
        "copy_objects": len(copies),
        "copy_bytes": sum(put.size_bytes for put in copies),
        "class_a_operations": cost.class_a,
        "class_b_operations": cost.class_b,
        "blocked": bool(plan.blocked),
    }


def load_plan(text: str, file: str) -> Plan:
    """Return the plan that `dump_plan` wrote as `text`.

    `file` names it in messages. Raises `PlanRefused` for what is not JSON, is of an unknown major version,
    has a missing key or a wrong type, or whose change ids or fingerprint are not those of its content.
    """
    from reconciler.render.plan import schema
    from reconciler.render.plan.values import plan_value

    header = _checked(schema.Header, text, file)
    _check_version(header.format_version, file)
    plan = plan_value(_checked(schema.PlanFile, text, file))
    _check_hashes(plan, file)
    return plan


def _checked(model: "type[PartT]", text: str, file: str) -> "PartT":
    from pydantic import ValidationError

    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise PlanRefused(
            f"{file} is not a plan that elmify has written",
            hint=_PLAN_AGAIN,
            remedies=_REMEDIES,
            details=_mistakes(error),
        ) from error


def _mistakes(error: "ValidationError") -> list[str]:
    """Return messages about mistakes: their places and problems.

    The messages leave out what the file says there: a plan may be large, a message must not be.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return first_few([f"{_place(mistake['loc'])}: {mistake['msg']}" for mistake in found], _DETAILS)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the file"


def _check_version(found: str, file: str) -> None:
    major, known = found.partition(".")[0], FORMAT_VERSION.partition(".")[0]
    if major != known:
        raise PlanRefused(
            f"{file} has format version {found}; this elmify reads {known}.x",
            hint="Read it with the elmify that wrote it, or make it again and have it reviewed:",
            remedies=_REMEDIES,
        )


def _check_hashes(plan: Plan, file: str) -> None:
    """Refuse a plan whose content does not match its ids.

    Such a plan was edited after it was made.
    """
    edited = [change.address for change in plan.changes if change.change_id != _id_of(plan, change)]
    ids = (change.change_id for change in plan.changes)
    known = fingerprint(
        ids,
        plan.scope,
        plan.allowances,
        plan.options,
        rolls_back=plan.rolls_back,
        merges=plan.merges,
    )
    if edited or plan.fingerprint != known:
        raise PlanRefused(
            f"{file} was changed after it was made: its fingerprint is not that of its content",
            hint=_PLAN_AGAIN,
            remedies=_REMEDIES,
            details=[f"{address}: not the change that its id names" for address in edited[:_DETAILS]],
        )


def _id_of(plan: Plan, change: Change) -> str:
    return change_id(
        plan.environment,
        change.address,
        change.action.value,
        change.previous_address,
        change.before,
        change.after,
        change.copies,
    )
