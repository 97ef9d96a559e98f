"""Explanation of why a lecture plays, or does not. Nothing is written."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.applying.workspace import Workspace
from reconciler.importing.live import read_world
from reconciler.model.address import Address
from reconciler.model.explanation import Explanation, LastChange, Online, PublicAnswer, Subject
from reconciler.model.history import Run, Touch
from reconciler.model.kinds import Kind
from reconciler.model.ports import ObjectFacts, ReadSession, RecordsReader
from reconciler.model.values import nfc
from reconciler.planning.subjects import find_subject
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.verify import verified
from reconciler.planning.why import Beside, explain, keys_asked, urls_asked
from reconciler.planning.world import World

#: Steps that changed nothing that listeners meet.
_NO_CHANGE = frozenset({"no-op", "capture", "sort", "edit", "rollback"})


def explain_playback(workspace: Workspace, asked: str, *, online: bool = False) -> Explanation:
    """Return by which ways a lecture plays, and why not.

    `asked` is an address, a row (`412`, `unmanaged.lectures[412]`), an object key or a public URL. With
    `online`, the public domain is asked for the URL of every way.

    Raises `UsageError` for a name that nothing has, and what `verify` raises.
    """
    policy = workspace.policy
    catalog = workspace.load_catalog()
    snapshot, recorded = read_world(
        workspace.objects, workspace.database, policy.environment, cancel=workspace.cancel
    )
    world = World(catalog=catalog, snapshot=snapshot, recorded=recorded, policy=policy)
    context = VerifyContext(world, Surroundings(has_file=workspace.media.has))
    subject = find_subject(context, asked)
    with workspace.database.read() as session:
        beside = _from_records(session, context, subject)
        if free := world.objects_without_row & {subject.key}:
            named = session.library.named_elsewhere(free)
            context = VerifyContext(world, replace(context.beside, named_elsewhere=named))
            beside = replace(beside, elsewhere=next(iter(named.values()), None))
    why_not = _reason_offline(workspace, online=online)
    urls = urls_asked(context, subject) if why_not is Online.ASKED else ()
    beside = replace(
        beside,
        online=why_not,
        facts=dict(_facts(workspace, keys_asked(world.library, subject), world)),
        answers=_answers(workspace, urls),
    )
    found = verified(context)
    return explain(context, (*found.findings, *found.ignored), subject, beside)


def _reason_offline(workspace: Workspace, *, online: bool) -> Online:
    layout, ways = workspace.policy.layout, workspace.policy.playback
    if not online:
        return Online.NOT_WANTED
    if layout.base_url is None and not any(way.base_url for way in ways):
        return Online.NO_BASE_URL
    return Online.ASKED if workspace.ask_public is not None else Online.NOT_PUBLIC


def _answers(workspace: Workspace, urls: Iterable[str]) -> Mapping[str, PublicAnswer]:
    ask = workspace.ask_public
    return {url: ask(url) for url in workspace.cancel.between(urls)} if ask is not None else {}


def _facts(workspace: Workspace, keys: Iterable[str], world: World) -> Iterator[tuple[str, ObjectFacts]]:
    """Yield what the store says of each object that is still there."""
    for key in workspace.cancel.between(keys):
        facts = workspace.objects.head(world.snapshot.objects[key].key)
        if facts is not None:
            yield nfc(key), facts


def _from_records(session: ReadSession, context: VerifyContext, subject: Subject) -> Beside:
    """Read who changed it last, and the run of a key."""
    records, runs = session.records, dict[int, Run]()
    changes = tuple(_last_changes(records, subject, runs))
    key = context.world.recorded.keys.get(subject.key) if subject.key is not None else None
    if key is not None and key.run is not None and (run := records.run(key.run)) is not None:
        runs[run.id] = run
    return Beside(changes=changes, runs=runs)


def _last_changes(records: RecordsReader, subject: Subject, runs: dict[int, Run]) -> Iterator[LastChange]:
    """Yield the last change of each lecture, and of what each stands under."""
    names = {name for lecture in subject.lectures for name in (lecture.name, *_parents(lecture.address))}
    by_row = {lecture.row.id: lecture.name for lecture in subject.lectures if lecture.row is not None}
    last: dict[str, Touch] = {}
    for touch in records.touched_since(0) if names else ():
        is_row = touch.kind == Kind.LECTURE and touch.row in by_row
        name = by_row[touch.row] if is_row and touch.row is not None else touch.address
        if name in names and touch.action not in _NO_CHANGE:
            last[name] = touch
    for name, touch in last.items():
        run = runs.get(touch.run) or records.run(touch.run)
        if run is not None:
            runs[run.id] = run
            yield LastChange(address=name, action=touch.action, run=run)


def _parents(address: Address | None) -> Iterator[str]:
    parts = address.split("/") if address is not None else []
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))
