"""Outcomes of operations in words: an apply, and a garbage collection."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from reconciler.model.history import Run
from reconciler.model.outcomes import Collected, Outcome
from reconciler.model.plan import Action, NamedBy
from reconciler.model.ports import UnfinishedUpload
from reconciler.model.values import counted, readable_size
from reconciler.planning.corrections import corrections
from reconciler.render.escape import harmless
from reconciler.render.history import git_advice
from reconciler.render.plan.sentences import (
    counts_sentence,
    merged_sentence,
    plan_line,
    restored_sentence,
)
from reconciler.render.playback import purge_lines

_DONE = {
    Action.ADOPT: "imported",
    Action.CREATE: "added",
    Action.UPDATE: "changed",
    Action.MOVE: "moved",
    Action.DELETE: "deleted",
    Action.FORGET: "forgotten",
}


def outcome_text(outcome: Outcome, rolled_back: Run | None, *, shown: bool) -> str:
    """Return the outcome of an apply as text, or no text.

    With `shown` a plan that changes nothing was printed before, so its line is left out. `rolled_back` is
    the run that was taken back.
    """
    return "\n".join(_outcome_lines(outcome, rolled_back, shown=shown))


def _outcome_lines(outcome: Outcome, rolled_back: Run | None, *, shown: bool) -> Iterator[str]:
    plan = outcome.plan
    if not plan.empty:
        yield from _changes(outcome)
    elif plan.changes:
        yield f"Recorded for {counted(len(plan.changes), 'resource')}."
    elif not shown:
        yield plan_line(plan)
    if told := restored_sentence(outcome.restored) or merged_sentence(outcome.merged):
        yield f"Run {outcome.run} {told}."
    yield from purge_lines(outcome.purge)
    if advice := _advice(outcome, rolled_back):
        yield f"\n{advice}"


def _changes(outcome: Outcome) -> Iterator[str]:
    plan = outcome.plan
    what = "Rollback" if plan.rolls_back is not None else "Merge" if plan.merges is not None else "Apply"
    yield f"\n{what} complete! Resources: {counts_sentence(plan, _DONE, ('was', 'were'))}."
    transfers = [
        ("uploaded", outcome.uploaded_files, outcome.uploaded_bytes),
        ("copied", outcome.copied_files, outcome.copied_bytes),
    ]
    done = [f"{verb} {counted(n, 'file')} ({readable_size(size)})" for verb, n, size in transfers if n]
    if done:
        yield f"Run {outcome.run} {', '.join(done)} and committed everything at once."


def _advice(outcome: Outcome, rolled_back: Run | None) -> str:
    return git_advice(rolled_back) if rolled_back is not None and outcome.plan.changes else ""


def outcome_facts(outcome: Outcome | None, rolled_back: Run | None) -> Mapping[str, object]:
    """Return the outcome of an apply as the facts of its last event.

    `outcome` is None when nothing was carried out.
    """
    if outcome is None:
        return {"changes": 0}
    plan = outcome.plan
    facts: dict[str, object] = {
        "run": outcome.run,
        "changes": len(plan.changes),
        "uploaded_bytes": outcome.uploaded_bytes,
    }
    if (corrected := corrections(plan, Action.ADOPT)).rows:
        facts["corrected"] = {"rows": corrected.rows, "columns": corrected.counts}
    if outcome.copied_files:
        facts["copied_bytes"] = outcome.copied_bytes
    if outcome.purge.urls:
        facts["purge"] = asdict(outcome.purge)
    if plan.merges is not None:
        facts |= {"merges": plan.merges, "merged": asdict(outcome.merged)}
    elif plan.rolls_back is not None:
        advice = _advice(outcome, rolled_back)
        facts |= {"rolls_back": plan.rolls_back, "restored": asdict(outcome.restored), "advice": advice}
    return facts


def collected_text(collected: Collected, *, dry_run: bool) -> str:
    """Return the report of a garbage collection as text, line by line.

    It lists what was deleted or given up, and what was only seen.
    """
    expired, verb = collected.expired, "would be deleted" if dry_run else "deleted"
    lines = [
        f"  - {_object(item.record.key, item.record.size_bytes, item.why)}" for item in collected.objects
    ]
    lines += [f"  - {_object(stored.key, stored.size_bytes, 'staged copy')}" for stored in expired.staged]
    lines += [f"  - {_upload(upload)}: given up" for _, upload in expired.given_up]
    lines += [f"  ? {_kept(key, named_by)}" for key, named_by in sorted(collected.kept.items())]
    lines += [f"  ? {_upload(upload)}: not elmify's, left alone" for upload in expired.foreign]
    lines += [f"  ? unfinished uploads to {store} cannot be seen with this key" for store in expired.unseen]
    deleted = len(collected.objects) + len(expired.staged)
    if deleted:
        lines.append(f"{counted(deleted, 'object')} {verb}, {readable_size(collected.size_bytes)}.")
    elif not expired.given_up:
        lines.append("There is nothing to delete.")
    return "\n".join(lines)


def _object(key: str, size_bytes: int, why: str) -> str:
    return f"{harmless(key)} ({readable_size(size_bytes)}; {why})"


def _kept(key: str, named_by: NamedBy) -> str:
    return f"{harmless(key)}: kept, {harmless(str(named_by))}"


def _upload(upload: UnfinishedUpload) -> str:
    return f"{harmless(upload.key)} (unfinished upload, begun {upload.begun_at:%Y-%m-%d %H:%M} UTC)"
