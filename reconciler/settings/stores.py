"""Store settings: bucket, staging bucket and database.

The environment names them, or they are embedded.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.settings.source import Source
from reconciler.settings.values import (
    DirectoryStore,
    EmbeddedDatabase,
    RemoteBucket,
    RemoteDatabase,
    Secret,
    StoreChoice,
)

Bucket = DirectoryStore | RemoteBucket
Rows = EmbeddedDatabase | RemoteDatabase


_BUCKET = "R2_STAGING_BUCKET"
_KEY_ID = "R2_STAGING_ACCESS_KEY_ID"
_KEY = "R2_STAGING_SECRET_ACCESS_KEY"

STAGING_VARIABLES = (_BUCKET, _KEY_ID, _KEY)


def read_staging(source: Source, environ: Mapping[str, str], root: Path, objects: Bucket) -> Bucket | None:
    """Return the staging bucket; None without one.

    It has the same provider and account as the library's bucket. Its own key, where the variables
    name one, is used for everything except the copies into the library's bucket.
    """
    section = source.section("staging")
    name = environ.get(_BUCKET) or section.get("bucket")
    match objects:
        case DirectoryStore():
            folder = section.get("directory")
            return DirectoryStore(path=root / folder) if folder else None
        case RemoteBucket() if not name:
            return None
        case RemoteBucket(bucket=library):
            if name == library:
                detail = f"`{name}` is the bucket of the library itself."
                hint = "Name another one: the library's bucket is public, and what is staged is not reviewed."
                source.report(Mistake.BAD_VARIABLE, ("staging", "bucket"), detail, hint)
            return _with_own_key(replace(objects, bucket=str(name)), source, environ)


def _with_own_key(bucket: RemoteBucket, source: Source, environ: Mapping[str, str]) -> RemoteBucket:
    key_id, key = environ.get(_KEY_ID), environ.get(_KEY)
    if key_id and key:
        return replace(bucket, access_key_id=key_id, secret_access_key=Secret(key))
    if key_id or key:
        detail = f"For the staging bucket, {_KEY if key_id else _KEY_ID} is missing."
        source.report(Mistake.HALF_SET_STORE, ("staging",), detail)
    return bucket


R2_VARIABLES = (
    "R2_ENDPOINT",
    "R2_ACCOUNT_ID",
    "R2_ACCESS_KEY_ID",
    "R2_SECRET_ACCESS_KEY",
    "R2_BUCKET_NAME",
)

#: The first that is set is used: behind a pooler `DATABASE_URL` may be the pooled one.
DATABASE_VARIABLES = ("DATABASE_UNPOOLED_URL", "DATABASE_URL")

#: All variables that name a store.
STORE_VARIABLES = frozenset((*R2_VARIABLES, *STAGING_VARIABLES, *DATABASE_VARIABLES))

_POSTGRESQL = re.compile(r"(?:jdbc:)?postgres(?:ql)?://\S+")

#: What elmify.yaml may say of a bucket; it is then half set without the variables.
_R2_FIELDS = frozenset({"endpoint", "account_id", "bucket"})

#: What people call the environment that listeners use, or its rehearsal: never an embedded one by accident.
_REAL = frozenset({"prod", "production", "live", "staging"})


def read_stores(source: Source, environ: Mapping[str, str], root: Path, state_dir: Path) -> StoreChoice:
    """Return the stores, with the mistakes in their settings.

    These mistakes matter only for code that opens the stores. What is wrong in elmify.yaml regardless
    of the environment is reported to `source`.
    """
    _check_endpoint(source, source.section("objects").get("endpoint"), "objects.endpoint")
    of_bucket, of_database = replace(source, found=[]), replace(source, found=[])
    objects = _read_bucket(of_bucket, environ, root, state_dir)
    staging = read_staging(of_bucket, environ, root, objects)
    database = _read_database(of_database, environ, root, state_dir)
    if not (of_bucket.found or of_database.found):
        _refuse_mixture(of_bucket, of_database, objects, database)
    if source.value.get("environment") in _REAL and not (of_bucket.found or of_database.found):
        _refuse_unnamed(of_bucket, of_database, objects, database)
    return StoreChoice(
        objects=objects,
        database=database,
        staging=staging,
        bucket_mistakes=tuple(of_bucket.found),
        database_mistakes=tuple(of_database.found),
    )


def _refuse_mixture(of_bucket: Source, of_database: Source, objects: Bucket, database: Rows) -> None:
    """Report an embedded store in combination with a real one.

    Only when the store is embedded because it was not named.
    """
    chosen_bucket = of_bucket.section("objects").get("store")
    chosen_rows = of_database.section("database").get("store")
    match objects, database:
        case DirectoryStore(), RemoteDatabase(variable=variable) if chosen_bucket is None:
            detail = f"{variable} names a database, and no variable names a bucket."
            hint = (
                f"Set {_listed(R2_VARIABLES[1:])}; "
                "or, if a folder is meant, write `objects: {store: directory}`."
            )
            of_bucket.report(Mistake.MIXED_STORES, ("objects",), detail, hint)
        case RemoteBucket(bucket=bucket), EmbeddedDatabase() if chosen_rows is None:
            detail = f"The bucket is `{bucket}`, and no variable names a database."
            hint = "Set DATABASE_URL; or, if the embedded one is meant, write `database: {store: embedded}`."
            of_database.report(Mistake.MIXED_STORES, ("database",), detail, hint)
        case _:
            return


def _refuse_unnamed(of_bucket: Source, of_database: Source, objects: Bucket, database: Rows) -> None:
    """Report each store that is embedded only because nobody named it."""
    said = f"This is `environment: {of_bucket.value['environment']}`, and"
    if (
        isinstance(objects, DirectoryStore)
        and not {"store", "directory"} & of_bucket.section("objects").keys()
    ):
        hint = f"Set {_listed(R2_VARIABLES[1:])}; "
        hint += "or, if a folder is meant, write `objects: {store: directory}`."
        of_bucket.report(Mistake.NO_STORE_NAMED, ("objects",), f"{said} nothing names a bucket.", hint)
    named = {"store", "embedded"} & of_database.section("database").keys()
    if isinstance(database, EmbeddedDatabase) and not named:
        hint = "Set DATABASE_URL; or, if the embedded one is meant, write `database: {store: embedded}`."
        of_database.report(Mistake.NO_STORE_NAMED, ("database",), f"{said} nothing names a database.", hint)


def _read_bucket(source: Source, environ: Mapping[str, str], root: Path, state_dir: Path) -> Bucket:
    section = source.section("objects")
    directory = DirectoryStore(path=root / section.get("directory", state_dir / "bucket"))
    wanted = section.get("store")
    named = (
        any(name in environ for name in R2_VARIABLES)
        or any(map(environ.get, STAGING_VARIABLES))
        or not _R2_FIELDS.isdisjoint(section)
    )
    if wanted == "directory" or (wanted is None and not named):
        return directory
    return _remote_bucket(source, environ) or directory


def _remote_bucket(source: Source, environ: Mapping[str, str]) -> RemoteBucket | None:
    """Return the bucket named by the variables and the section together.

    None, and reports, if some of the values are missing.
    """
    section = source.section("objects")
    endpoint = _endpoint(environ.get("R2_ENDPOINT"), environ.get("R2_ACCOUNT_ID"))
    endpoint = endpoint or _endpoint(section.get("endpoint"), section.get("account_id"))
    values = {
        "R2_ENDPOINT or R2_ACCOUNT_ID": endpoint,
        "R2_ACCESS_KEY_ID": environ.get("R2_ACCESS_KEY_ID"),
        "R2_SECRET_ACCESS_KEY": environ.get("R2_SECRET_ACCESS_KEY"),
        "R2_BUCKET_NAME": environ.get("R2_BUCKET_NAME") or section.get("bucket"),
    }
    missing = [name for name, value in values.items() if not value]
    if missing:
        _report_half_set(source, environ, missing)
        return None
    _check_endpoint(source, environ.get("R2_ENDPOINT"), "R2_ENDPOINT")
    return RemoteBucket(
        endpoint=str(endpoint).rstrip("/"),
        bucket=str(values["R2_BUCKET_NAME"]),
        region=section.get("region", "auto"),
        access_key_id=str(values["R2_ACCESS_KEY_ID"]),
        secret_access_key=Secret(str(values["R2_SECRET_ACCESS_KEY"])),
    )


def _endpoint(url: str | None, account: str | None) -> str | None:
    return url or (f"https://{account}.r2.cloudflarestorage.com" if account else None)


def _report_half_set(source: Source, environ: Mapping[str, str], missing: list[str]) -> None:
    empty = [name for name in R2_VARIABLES if environ.get(name) == ""]
    is_or_are = "is" if len(missing) == 1 else "are"
    detail = f"For the bucket, {_listed(missing)} {is_or_are} missing"
    detail += f"; {_listed(empty)} {'is' if len(empty) == 1 else 'are'} set but empty." if empty else "."
    source.report(Mistake.HALF_SET_STORE, ("objects",), detail)


def _check_endpoint(source: Source, endpoint: str | None, place: str) -> None:
    if endpoint and not _is_endpoint(endpoint):
        detail = f"{place} is not the URL of a server."
        hint = "Write https:// and the host, without a path: the bucket has its own variable."
        source.report(Mistake.BAD_VARIABLE, ("objects", "endpoint"), detail, hint)


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and parts.path in {"", "/"}
        and not (parts.query or parts.fragment or parts.username)
    )


def _read_database(source: Source, environ: Mapping[str, str], root: Path, state_dir: Path) -> Rows:
    section = source.section("database")
    embedded = EmbeddedDatabase(path=root / section.get("embedded", state_dir / "postgres"))
    wanted = section.get("store")
    names = (section["url_from"],) if "url_from" in section else DATABASE_VARIABLES
    if wanted == "embedded" or (
        wanted is None and "url_from" not in section and not environ.keys() & set(names)
    ):
        return embedded
    variable = next((name for name in names if environ.get(name)), None)
    if variable is None:
        empty = [name for name in names if name in environ]
        state = f"{_listed(empty)} is set but empty" if empty else f"{' or '.join(names)} is missing"
        source.report(Mistake.HALF_SET_STORE, ("database",), f"For the database, {state}.")
        return embedded
    if not _POSTGRESQL.fullmatch(environ[variable]):
        hint = "It has the form postgresql://user:password@host:port/database."
        detail = f"{variable} is not the URL of a PostgreSQL database."
        source.report(Mistake.BAD_VARIABLE, ("database",), detail, hint)
    return RemoteDatabase(url=Secret(environ[variable]), variable=variable)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
