"""Import and export: catalog entries from stores, files and manifests.

Entries are made from live stores, folders, manifests and names. The export writes a manifest.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from reconciler.applying.workspace import Workspace
from reconciler.importing.adopt import Adopted
from reconciler.importing.adopt import adopt as adopt_into
from reconciler.importing.declare import Folder, declare
from reconciler.importing.files import FileHashing, without_unseen
from reconciler.importing.files import import_files as import_folder
from reconciler.importing.live import Learning, Learnt, count_user_rows, learn_nothing, read_world
from reconciler.importing.live import import_live as import_world
from reconciler.importing.manifest import manifest_json, read_manifest
from reconciler.importing.new_entries import new_lectures as declare_lectures
from reconciler.importing.new_entries import new_parent as declare_parent
from reconciler.model.actual import Snapshot
from reconciler.model.errors import UsageError
from reconciler.model.outcomes import Imported, Tidied
from reconciler.model.ports import Meter
from reconciler.model.recorded import Recorded
from reconciler.operations.project import Project


def import_live(
    project: Project,
    workspace: Workspace,
    *,
    as_is: bool,
    learn_hashes: bool,
    clean: Collection[Tidied] = (),
) -> Imported:
    """Declare what the bucket and the database hold. Changes nothing live.

    With `as_is`, columns that a plan would correct are accepted as they are. `learn_hashes` streams the
    objects whose hash is unknown. Names are declared as the rows have them; those of the sorts in `clean`
    are tidied, declared ones too.
    """
    return import_world(
        _folder(project),
        workspace.policy,
        _world(workspace),
        as_is=as_is,
        learn=_learning(project, workspace) if learn_hashes else learn_nothing,
        clean=clean,
        user_rows=lambda rows: count_user_rows(workspace.database, rows),
    )


def import_files(project: Project, directory: Path) -> Imported:
    """Declare the files of a content folder, and hash them into the lockfile.

    Names, sidecars and tags give the entries.
    """
    return import_folder(_folder(project), directory, project.settings.media_root, _hashing(project))


def import_manifest(project: Project, file: Path) -> Imported:
    """Declare what the team's manifest JSON names."""
    folder, settings = _folder(project), project.settings
    found, lines, findings = read_manifest(file, settings.policy.playback)
    found, unseen = without_unseen(folder, settings.media_root, found, lines)
    return declare(folder, settings.policy.layout, found, lines, (*findings, *unseen), hashed=False)


def adopt(project: Project, workspace: Workspace, addresses: Sequence[str]) -> Adopted:
    """Write the live values of these addresses into the catalog.

    Raises `UsageError` for what cannot be adopted.
    """
    world = _world(workspace)
    return adopt_into(_folder(project), workspace.policy, world, addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class EachAdopted:
    """Outcome of adopting addresses one by one.

    `accepted` are addresses whose entry changed, `written` the file of each address, `refused` those that
    cannot be adopted, with the reason.
    """

    accepted: frozenset[str]
    written: Sequence[tuple[str, str]]
    refused: Sequence[tuple[str, UsageError]]

    @classmethod
    def none(cls) -> "EachAdopted":
        """Return the outcome of adopting nothing."""
        return cls(accepted=frozenset(), written=(), refused=())


def adopt_each(project: Project, workspace: Workspace, addresses: Sequence[str]) -> EachAdopted:
    """Adopt addresses one by one.

    An address that cannot be adopted does not keep the others from being adopted.
    """
    world = _world(workspace)
    accepted: set[str] = set()
    written: list[tuple[str, str]] = []
    refused: list[tuple[str, UsageError]] = []
    for each in addresses:
        try:
            adopted = adopt_into(_folder(project), workspace.policy, world, [each])
        except UsageError as reason:
            refused.append((each, reason))
            continue
        accepted |= set(adopted.accepted)
        written += [(each, file) for file in adopted.imported.written]
    return EachAdopted(accepted=frozenset(accepted), written=written, refused=refused)


def new_parent(project: Project, name: str, speaker: str | None, id_: str | None) -> str:
    """Declare a speaker, or a collection of `speaker`, and return its address."""
    try:
        return declare_parent(_folder(project), name, speaker, id_)
    except ValueError as error:
        raise UsageError(
            str(error), hint="An id is lower-case letters and digits, joined by hyphens."
        ) from error


def new_lectures(project: Project, files: Sequence[Path], collection: str | None) -> Imported:
    """Declare recordings, and hash them into the lockfile.

    Their names and tags give the entries.
    """
    media_root = project.settings.media_root
    return declare_lectures(_folder(project), files, media_root, _hashing(project), collection)


def export_manifest(project: Project) -> str:
    """Return the team's manifest JSON.

    It is made from the catalog and the lockfile alone.
    """
    return manifest_json(project.catalog(), project.settings.policy.layout)


def _world(workspace: Workspace) -> tuple[Snapshot, Recorded]:
    environment = workspace.policy.environment
    return read_world(workspace.objects, workspace.database, environment, cancel=workspace.cancel)


def _folder(project: Project) -> Folder:
    settings = project.settings
    return Folder(root=settings.root, catalog_dir=settings.catalog_dir, lock_path=settings.lock_path)


def _hashing(project: Project) -> FileHashing:
    settings = project.settings
    return FileHashing(
        policy=settings.policy,
        cache_file=settings.media_cache,
        meter=_HashingMeter(project),
        cancel=project.cancel,
    )


def _learning(project: Project, workspace: Workspace) -> Learning:
    settings = project.settings
    return Learning(
        objects=workspace.objects,
        learnt=Learnt(settings.state_dir / "cache" / "objects.ndjson"),
        limits=settings.policy.transfer,
        meter=_HashingMeter(project),
        cancel=workspace.cancel,
    )


@dataclass(frozen=True)
class _HashingMeter:
    project: Project

    def __call__(self, files: int, size_bytes: int) -> AbstractContextManager[Meter]:
        return self.project.observer.meter("Hashing", files=files, size_bytes=size_bytes)
