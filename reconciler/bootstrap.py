"""The only place that names concrete providers: settings in, open stores out."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import assert_never

from reconciler.model.ports import Database, MediaFiles, ObjectStore
from reconciler.model.staging import STAGING_BUCKET_PREFIX, Staging, staging_inside
from reconciler.settings import (
    DirectoryBucket,
    EmbeddedDatabase,
    RemoteBucket,
    RemoteDatabase,
    Settings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Both stores, and the media folder, ready to be used."""

    objects: ObjectStore
    database: Database
    media: MediaFiles
    staging: Staging


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """Open what the settings name, and give all of it back when the block ends."""
    from reconciler.loading.media import MediaFolder

    settings.refuse_mistakes()
    with ExitStack() as opened:
        objects = open_bucket(settings, opened)
        staging = open_staging(settings, objects, opened)
        database = open_database(settings, opened)
        yield Stores(
            objects=objects, database=database, media=MediaFolder(settings.media_root), staging=staging
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The library's bucket, where bytes wait for their merge, and the media folder."""

    objects: ObjectStore
    staging: Staging
    media: MediaFiles


@contextmanager
def open_buckets(settings: Settings) -> Iterator[Buckets]:
    """Open all but the database, which need not be named then."""
    from reconciler.loading.media import MediaFolder

    with ExitStack() as opened:
        objects = open_bucket(settings, opened)
        staging = open_staging(settings, objects, opened)
        yield Buckets(objects=objects, staging=staging, media=MediaFolder(settings.media_root))


def open_bucket(settings: Settings, opened: ExitStack) -> ObjectStore:
    """Open the library's bucket; `opened` closes it."""
    return _opened(settings.objects, settings, opened)


def open_staging(settings: Settings, objects: ObjectStore, opened: ExitStack) -> Staging:
    """Open where bytes wait for their merge: the staging bucket, else a prefix of the library's own."""
    if settings.staging is None:
        return staging_inside(objects)
    store = _opened(settings.staging, settings, opened)
    return Staging(store=store, prefix=STAGING_BUCKET_PREFIX, apart=True)


def _opened(bucket: DirectoryBucket | RemoteBucket, settings: Settings, opened: ExitStack) -> ObjectStore:
    match bucket:
        case DirectoryBucket(path=path):
            from providers.objects.directory import DirectoryBucket as Directory

            return opened.enter_context(closing(Directory(path)))
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


def open_database(settings: Settings, opened: ExitStack) -> Database:
    """Open the database, starting the embedded server where it is the one; `opened` closes it."""
    from providers.database.postgres import PostgresDatabase
    from reconciler.records import records_on

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
