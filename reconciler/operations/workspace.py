"""Opening a workspace: the one place that names both stores' providers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, assert_never
from urllib.parse import urlsplit

from reconciler.applying.workspace import AskPublic, IsPublic, Workspace
from reconciler.logs import hiding
from reconciler.model.diagnostics import Diagnostic, in_reading_order
from reconciler.model.errors import InvalidInput
from reconciler.model.plan import Stores
from reconciler.model.ports import Cdn, Database, DatabaseFacts, ObjectStore, ReadSession, UnitOfWork
from reconciler.model.staging import STAGING_BUCKET_PREFIX, Staging, staging_inside
from reconciler.operations.project import Project
from reconciler.settings import (
    DirectoryStore,
    EmbeddedDatabase,
    RemoteBucket,
    RemoteDatabase,
    Settings,
)


@contextmanager
def open_workspace(project: Project, *, database_optional: bool = False) -> Iterator[Workspace]:
    """Open what the settings name, and close it when the block ends.

    No log line shows its secrets. Raises `InvalidInput` for mistakes in the choice of stores. With
    `database_optional`, mistakes about the database are raised by its first use: a person who only
    stages may have keys to the buckets alone.
    """
    from reconciler.loading.media import MediaFolder

    settings = project.settings
    if not database_optional:
        settings.refuse_mistakes()
    with hiding(secret.reveal() for secret in settings.secrets), ExitStack() as opened:
        objects = _open_bucket(settings.objects, settings, opened)
        yield Workspace(
            policy=settings.policy,
            stores=stores_of(settings),
            objects=objects,
            staging=_open_staging(settings, objects, opened),
            database=_open_database(settings, opened),
            media=MediaFolder(settings.media_root),
            actor=settings.actor,
            load_catalog=project.catalog,
            observer=project.observer,
            cancel=project.cancel,
            is_public=_public_probe(settings),
            ask_public=_public_request(settings),
            cdn=_cdn(settings),
        )


def stores_of(settings: Settings) -> Stores:
    """Return the names of the stores that the settings choose.

    A plan may stand in a public pull request: the names have no secret, no user, and no path but those
    inside the project.
    """
    match settings.objects:
        case DirectoryStore(path=path):
            bucket = f"directory {_inside(path, settings.root)}"
        case RemoteBucket(endpoint=endpoint, bucket=name):
            bucket = f"bucket {name} at {urlsplit(endpoint).netloc.rpartition('@')[2]}"
        case _ as unreachable:
            assert_never(unreachable)
    return Stores(bucket=bucket, database=_database_of(settings))


def _database_of(settings: Settings) -> str:
    from providers.database.connection import Target

    if settings.stores.database_mistakes:
        return "no database"
    match settings.database:
        case EmbeddedDatabase(path=path):
            return f"embedded PostgreSQL in {_inside(path, settings.root)}"
        case RemoteDatabase(url=url):
            return Target.parse(url.reveal()).place
        case _ as unreachable:
            assert_never(unreachable)


def _inside(path: Path, root: Path) -> str:
    """Return a path relative to the project.

    Only the last part of one outside it.
    """
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _public_probe(settings: Settings) -> IsPublic | None:
    if isinstance(settings.objects, DirectoryStore):
        return None
    from providers.objects.r2 import is_public

    return is_public


def _public_request(settings: Settings) -> AskPublic | None:
    if isinstance(settings.objects, DirectoryStore):
        return None
    from providers.cdn.public import ask

    return ask


def _cdn(settings: Settings) -> Cdn | None:
    if settings.cdn is None:
        return None
    from providers.cdn.cloudflare import Cloudflare

    token = settings.cdn.token
    return Cloudflare(
        zone=settings.cdn.zone,
        token=token.reveal() if token is not None else None,
        token_from=settings.cdn.variable,
    )


def _open_staging(settings: Settings, objects: ObjectStore, opened: ExitStack) -> Staging:
    """Open the place where staged bytes wait for their merge.

    That is the staging bucket, otherwise a prefix of the library's own bucket.
    """
    if settings.staging is None:
        return staging_inside(objects)
    store = _open_bucket(settings.staging, settings, opened)
    return Staging(store=store, prefix=STAGING_BUCKET_PREFIX, separate=True)


def _open_bucket(bucket: DirectoryStore | RemoteBucket, settings: Settings, opened: ExitStack) -> ObjectStore:
    match bucket:
        case DirectoryStore(path=path):
            from providers.objects.directory import DirectoryBucket

            return opened.enter_context(closing(DirectoryBucket(path)))
        case RemoteBucket() as remote:
            from providers.objects.r2 import R2Bucket

            store = R2Bucket(
                endpoint=remote.endpoint,
                bucket=remote.bucket,
                region=remote.region,
                access_key=remote.access_key_id,
                secret_key=remote.secret_access_key.reveal(),
                concurrency=settings.policy.transfer.concurrency,
            )
            return opened.enter_context(closing(store))
        case _ as unreachable:
            assert_never(unreachable)


def _open_database(settings: Settings, opened: ExitStack) -> Database:
    """Open the database, starting the embedded server where it is the one."""
    from providers.database.postgres import PostgresDatabase
    from reconciler.records import records_on

    if settings.stores.database_mistakes:
        return _UnnamedDatabase(settings.stores.database_mistakes)
    match settings.database:
        case EmbeddedDatabase(path=path):
            from providers.embedded_postgres.server import EmbeddedServer

            server = opened.enter_context(EmbeddedServer(path))
            database = PostgresDatabase(server.start(), records=records_on, name=str(server))
        case RemoteDatabase(url=url):
            database = PostgresDatabase(url.reveal(), records=records_on)
        case _ as unreachable:
            assert_never(unreachable)
    return opened.enter_context(closing(database))


@dataclass(frozen=True)
class _UnnamedDatabase:
    """Database that the settings do not name.

    Every use raises what is wrong with the settings.
    """

    mistakes: tuple[Diagnostic, ...]

    def __str__(self) -> str:
        return "no database"

    def read(self) -> AbstractContextManager[ReadSession]:
        self._refuse()

    def write(self) -> AbstractContextManager[UnitOfWork]:
        self._refuse()

    def facts(self) -> DatabaseFacts:
        self._refuse()

    def close(self) -> None:
        """Nothing was opened."""

    def _refuse(self) -> NoReturn:
        raise InvalidInput(in_reading_order(self.mistakes))
