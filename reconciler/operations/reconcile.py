"""Reconcile: decisions about findings.

Findings are ignored, adopted into the catalog, or planned and applied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.applying.workspace import Workspace
from reconciler.loading.atomic_write import write_whole
from reconciler.model.policy import Ignored
from reconciler.operations.imports import EachAdopted, adopt_each
from reconciler.operations.project import Project
from reconciler.planning.verification.repair import Choice, Decision, request_for
from reconciler.planning.world import Request
from reconciler.settings import CONFIG_NAME, ignored, with_ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Result of decisions in the project's files, and the request to plan.

    `ignored` counts the entries written to elmify.yaml. `request` says what a plan has to do; None
    when nothing is left to plan.
    """

    adopted: EachAdopted
    ignored: int
    request: Request | None


def decide(
    project: Project, workspace: Workspace, decisions: Sequence[Decision], allowances: Mapping[str, int]
) -> Decided:
    """Write decisions into the catalog and elmify.yaml.

    What is adopted goes into the catalog, and what is ignored into elmify.yaml. Changes nothing live.
    The request is for a project that is opened again: its files have changed.
    """
    before = project.catalog().resources.keys()
    wanted = list(dict.fromkeys(d.finding.what for d in decisions if d.choice is Choice.ADOPT))
    adopted = adopt_each(project, workspace, wanted) if wanted else EachAdopted.none()
    reopened = Project(project.settings, project.observer)
    declared = reopened.catalog().resources.keys() - before if wanted else frozenset()
    entries = [ignored(d.finding.what, d.reason) for d in decisions if d.choice is Choice.IGNORE]
    return Decided(
        adopted=adopted,
        ignored=ignore(project, entries),
        request=request_for(decisions, {*adopted.accepted, *declared}, allowances),
    )


def ignore(project: Project, entries: Sequence[Ignored]) -> int:
    """Write entries that are not ignored yet into elmify.yaml.

    Return how many entries were written.
    """
    known = {each.what for each in project.settings.policy.ignore}
    fresh = list({entry.what: entry for entry in entries if entry.what not in known}.values())
    if fresh:
        file = project.settings.root / CONFIG_NAME
        write_whole(file, with_ignored(file.read_bytes().decode(), fresh))
    return len(fresh)
