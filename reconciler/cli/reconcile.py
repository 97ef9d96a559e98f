from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import is_interactive, say
from reconciler.cli.deciding import ask_all
from reconciler.cli.options import option_lock_timeout
from reconciler.cli.project import Project, open_project
from reconciler.model.errors import Exit, UsageError
from reconciler.model.values import counted

if TYPE_CHECKING:
    from reconciler.bootstrap import Stores
    from reconciler.model.policy import Ignored
    from reconciler.planning.verification.findings import Verification
    from reconciler.planning.verification.repair import Decision


@click.command("reconcile")
@click.option(
    "--script",
    "script_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Change nothing: write the decisions as a shell script.",
)
@click.option("--ignore", multiple=True, metavar="WHAT", help="Ask nothing: let this be. Again for more.")
@click.option("--reason", help="Why, with --ignore.")
@click.option(
    "--allow", multiple=True, metavar="NAME=NUMBER", help="Lift a guard up to a number: user-rows=40."
)
@option_lock_timeout()
@click.pass_obj
def command(
    directory: str,
    script_file: Path | None,
    ignore: tuple[str, ...],
    reason: str | None,
    allow: tuple[str, ...],
    lock_timeout: str,
) -> int:
    """Decide on what verify finds, one finding at a time.

    Adopt it into the catalog, mend it, delete it, let it be for a reason that is kept in elmify.yaml, or
    skip it. Ends in a plan and a question; nothing live changes before the yes.
    """
    from reconciler.bootstrap import open_stores
    from reconciler.cli.options import request_from
    from reconciler.cli.verify import inspection_of

    allowances = request_from((), allow, delete_unmanaged=False, rekey=False).allowances
    project = open_project(directory)
    if ignore or reason is not None:
        return _ignore(project, ignore, reason or "")
    if not is_interactive():
        raise UsageError(
            "there is no terminal to ask on",
            hint="See what is wrong, and save what can be mended as a plan:\n"
            "    elmify verify --repair-plan plans/repair.json",
        )
    with open_stores(project.settings) as stores:
        found = inspection_of(project, stores).shallow()
        decisions = ask_all(found)
        if not decisions:
            say("Nothing was decided, and nothing was changed.")
            return Exit.OK
        if script_file is not None:
            return _write_script(script_file, found, decisions)
        return _carry_out(directory, project, stores, decisions, allowances, lock_timeout)


def _ignore(project: Project, what: Sequence[str], reason: str) -> int:
    from reconciler.settings import ignored

    if not what:
        raise UsageError("--reason says why, --ignore says of what", hint="Give both.")
    written = _let_be(project, [ignored(each, reason) for each in what])
    say(f"{counted(written, 'entry', 'entries')} written to `ignore:` in elmify.yaml.")
    return Exit.OK


def _let_be(project: Project, entries: Sequence["Ignored"]) -> int:
    """Write what is not ignored yet into elmify.yaml; return how many entries that were."""
    from reconciler.loading.atomic_write import write_whole
    from reconciler.settings import CONFIG_NAME, with_ignored

    known = {each.what for each in project.settings.policy.ignore}
    fresh = list({entry.what: entry for entry in entries if entry.what not in known}.values())
    if fresh:
        file = project.settings.root / CONFIG_NAME
        write_whole(file, with_ignored(file.read_bytes().decode(), fresh))
    return len(fresh)


def _write_script(file: Path, found: "Verification", decisions: Sequence["Decision"]) -> int:
    from reconciler.loading.atomic_write import write_whole
    from reconciler.render.verify.formats import script

    write_whole(file, script(found, decisions))
    say(f"\n{counted(len(decisions), 'decision')} written, and nothing was changed. Read it, then run")
    say(f"    sh {file}")
    return Exit.OK


def _carry_out(
    directory: str,
    project: Project,
    stores: "Stores",
    decisions: Sequence["Decision"],
    allowances: Mapping[str, int],
    lock_timeout: str,
) -> int:
    """Change the files of the project, then plan, ask, and apply."""
    from reconciler.applying.apply import apply
    from reconciler.cli.apply import approved, conclude
    from reconciler.planning.verification.repair import Choice, request_for
    from reconciler.settings import ignored

    adopted = _adopt(directory, project, stores, decisions)
    let_be = [ignored(d.finding.what, d.reason) for d in decisions if d.choice is Choice.IGNORE]
    if _let_be(project, let_be):
        say(f"{counted(len(let_be), 'entry', 'entries')} written to `ignore:` in elmify.yaml.")
    request = request_for(decisions, adopted, allowances)
    if request is None:
        return Exit.OK
    job = open_project(directory).job(stores, "apply", lock_timeout, "text")
    plan = approved(job, request, ask=True, format_="text")
    if plan is not None:
        conclude(apply(job, request, [plan]), "text", shown=True)
    return Exit.OK


def _adopt(
    directory: str, project: Project, stores: "Stores", decisions: Sequence["Decision"]
) -> frozenset[str]:
    """Write what is adopted into the catalog; return the addresses that it says otherwise now."""
    from reconciler.cli.import_ import folder_of
    from reconciler.importing.adopt import adopt
    from reconciler.importing.live import read_world
    from reconciler.planning.verification.repair import Choice

    wanted = list(dict.fromkeys(d.finding.what for d in decisions if d.choice is Choice.ADOPT))
    if not wanted:
        return frozenset()
    policy = project.settings.policy
    before = project.catalog().resources.keys()
    world = read_world(stores.objects, stores.database, policy.environment)
    accepted: set[str] = set()
    for each in wanted:
        try:
            adopted = adopt(folder_of(project), policy, world, [each])
        except UsageError as refused:
            say("\n".join([f"{each} was left as it is: {refused.message}", *refused.details]))
            continue
        accepted |= set(adopted.accepted)
        for file in adopted.imported.written:
            say(f"{each} was written to {file}.")
    declared = open_project(directory).catalog().resources.keys()
    return frozenset({*accepted, *(declared - before)})
