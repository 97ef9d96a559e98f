from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import Console, Project, open_project
from reconciler.model.errors import ElmifyError, Exit, UsageError
from reconciler.model.staging import Located, Whereabouts

if TYPE_CHECKING:
    from reconciler.bootstrap import Buckets, Stores
    from reconciler.model.catalog import MediaFile
    from reconciler.planning.byte_sources import Origins


@click.command("stage")
@click.option("--check", is_flag=True, help="Put nothing; exit 1 when something is missing.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, check: bool, format_: str) -> int:
    """Put the bytes that the lockfile names and the library lacks where `elmify apply` finds them.

    Under `staged/<sha256>` of R2_STAGING_BUCKET, or under `.elmify/staged/` of the library's own bucket.
    Where a database is named, only what the plan needs; a contributor may have keys to the buckets alone.
    Exits 1 when bytes are neither live nor staged, and not on this disk.
    """
    project = open_project(directory)
    located = _located(project, check=check)
    if format_ == "json":
        from reconciler.render.status import staging_json

        result(staging_json(located))
    else:
        from reconciler.render.status import staging_text

        result(staging_text(located))
    return Exit.ERROR if any(one.where is Whereabouts.MISSING for one in located) else Exit.OK


def _located(project: Project, *, check: bool) -> Sequence[Located]:
    from reconciler.bootstrap import open_buckets, open_stores

    if project.settings.stores.database_mistakes:
        with open_buckets(project.settings) as buckets:
            lines, origins = _by_the_lockfile(project, buckets)
            return _found(project, buckets, lines, origins, check=check)
    with open_stores(project.settings) as stores:
        lines, origins = _by_the_plan(project, stores)
        return _found(project, stores, lines, origins, check=check)


def _by_the_lockfile(project: Project, buckets: "Buckets") -> tuple[Sequence["MediaFile"], "Origins"]:
    """Return every line, and what the buckets hold: somewhat more than a plan would need."""
    from reconciler.applying.refresh import read_bucket, read_staging
    from reconciler.planning.byte_sources import Origins

    listed = read_bucket(buckets.objects)
    staged = read_staging(buckets.staging) if buckets.staging.apart else listed.staged
    return tuple(project.catalog().media.values()), Origins(listed.objects, staged, {})


def _by_the_plan(project: Project, stores: "Stores") -> tuple[Sequence["MediaFile"], "Origins"]:
    """Return the lines that a plan of this moment would put, and what the buckets hold."""
    from reconciler.applying.refresh import make_plan
    from reconciler.model.catalog import media_by_path
    from reconciler.model.values import nfc
    from reconciler.planning.byte_sources import origins_in
    from reconciler.planning.world import Request

    policy = project.settings.policy
    plan, world = make_plan(
        project.catalog, policy, stores.objects, stores.database, Request(), staging=stores.staging
    )
    lines = media_by_path(world.catalog)
    puts = [put for change in plan.changes for put in change.puts]
    return [lines[nfc(put.path)] for put in puts], origins_in(world)


def _found(
    project: Project,
    buckets: "Buckets | Stores",
    lines: Sequence["MediaFile"],
    origins: "Origins",
    *,
    check: bool,
) -> Sequence[Located]:
    from reconciler.applying.stage import Stager

    stager = Stager(
        staging=buckets.staging,
        media=buckets.media,
        limits=project.settings.policy.transfer,
        origins=origins,
        observer=Console("text"),
    )
    if check:
        return stager.locate(lines)
    _refuse_public(project, buckets)
    return stager.stage(lines)


def _refuse_public(project: Project, buckets: "Buckets | Stores") -> None:
    """Refuse to stage where the public may read: nobody has reviewed these bytes yet."""
    from providers.objects.r2 import is_public
    from reconciler.inspecting.privacy import own_prefix_is_public
    from reconciler.settings import DirectoryBucket

    settings = project.settings
    base_url = settings.policy.layout.base_url
    if buckets.staging.apart or base_url is None or isinstance(settings.objects, DirectoryBucket):
        return
    remedy = (
        "Set R2_STAGING_BUCKET to a private bucket of the same account. Or keep `.elmify/` off the public\n"
        "domain, and say so in elmify.yaml:\n    staging: {prefix_is_private: true}"
    )
    if not settings.own_prefix_is_private:
        raise UsageError(
            "the library's bucket is public, and nothing says that `.elmify/` is not", hint=remedy
        )
    if own_prefix_is_public(buckets.objects, base_url, is_public):
        raise ElmifyError(f"everybody can read {base_url}/.elmify/, so nothing was staged", hint=remedy)
