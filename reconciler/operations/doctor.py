"""Health check of both stores.

It checks that each is reachable and usable, and says what to do where they are not.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import packages_distributions, version
from pathlib import Path

import providers
import reconciler
from reconciler.applying.refresh import check_identity, read_marker
from reconciler.applying.workspace import Workspace
from reconciler.model.errors import ElmifyError, ProviderError, WrongBytes
from reconciler.model.policy import PROBE_PREFIX
from reconciler.model.remedies import Apply, Remedy
from reconciler.operations.stage import probe

#: Signatures of S3 requests are refused 15 minutes off; a minute is worth knowing of.
CLOCK_SKEW_MAX = timedelta(minutes=1)

OLDEST_SERVER = 150_000  # PostgreSQL 15, as libpq counts versions


_DISTRIBUTION = "elmify"


def other_owners(owners: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield other distributions that install a module of elmify's names.

    Only top-level modules count; `owners` is keyed by module name. `reconciler` and `providers` are
    names that other projects use too: the files of two projects would be mixed up.
    """
    for module in (reconciler.__name__, providers.__name__):
        yield from (owner for owner in owners.get(module, ()) if owner.lower() != _DISTRIBUTION)


class Health(StrEnum):
    """Result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinding:
    """Check and its result.

    `hint` and `remedies` say what to do; both are empty when all is well.
    """

    check: str
    health: Health
    message: str
    hint: str = ""
    remedies: tuple[Remedy, ...] = ()


def examine(workspace: Workspace, *, read_only: bool) -> Sequence[DoctorFinding]:
    """Return the findings of every check.

    A check that fails does not keep the others from running. Puts, reads and deletes one small object
    under elmify's own prefix, unless it is `read_only`.
    """
    return list(_Examination(workspace, read_only=read_only).findings())


class _Examination:
    def __init__(self, workspace: Workspace, *, read_only: bool) -> None:
        self.workspace, self.read_only = workspace, read_only
        self.objects, self.database = workspace.objects, workspace.database

    def findings(self) -> Iterator[DoctorFinding]:
        checks = (
            ("installation", self._installation),
            ("bucket", self._bucket),
            ("bucket clock", self._bucket_clock),
            ("bucket copies", self._bucket_copies),
            ("bucket rights", self._bucket_rights),
            ("database", self._database),
            ("database clock", self._database_clock),
            ("identity", self._identity),
            ("lease", self._lease),
        )
        for name, check in checks:
            try:
                yield from check(name)
            except ElmifyError as error:
                details = "; ".join(error.details)
                message = f"{error.message}: {details}" if details else error.message
                yield DoctorFinding(
                    check=name,
                    health=Health.FAILED,
                    message=message,
                    hint=error.hint,
                    remedies=error.remedies,
                )

    def _installation(self, name: str) -> Iterator[DoctorFinding]:
        others = sorted(other_owners(packages_distributions()))
        scattered = Path(reconciler.__file__).parents[1] != Path(providers.__file__).parents[1]
        if others:
            message = f"another package installs a module of elmify's names: {', '.join(others)}"
        elif scattered:
            message = f"{reconciler.__file__} and {providers.__file__} are not of one installation"
        else:
            message = f"elmify {version(_DISTRIBUTION)}"
        trouble = bool(others) or scattered
        yield DoctorFinding(
            check=name,
            health=Health.FAILED if trouble else Health.OK,
            message=message,
            hint="Install elmify in a virtual environment of its own." if trouble else "",
        )

    def _bucket(self, name: str) -> Iterator[DoctorFinding]:
        next(iter(self.objects.list()), None)
        yield DoctorFinding(check=name, health=Health.OK, message=f"{self.objects} answers")

    def _bucket_clock(self, name: str) -> Iterator[DoctorFinding]:
        if not self.objects.capabilities.own_clock:
            yield DoctorFinding(check=name, health=Health.OK, message="it is this machine's")
            return
        yield _clock(name, self.objects.now())

    def _bucket_copies(self, name: str) -> Iterator[DoctorFinding]:
        if self.objects.capabilities.conditional_copy:
            message = "a copy overwrites nothing but the object that it is to replace"
            yield DoctorFinding(check=name, health=Health.OK, message=message)
            return
        yield DoctorFinding(
            check=name,
            health=Health.WARNING,
            message="this store is not known to make a copy depend on what is under its key, as R2 does",
            hint="elmify looks at the key under its lease, then copies: what others write in between is "
            "lost. Let nobody else write to the bucket while an apply runs.",
        )

    def _bucket_rights(self, name: str) -> Iterator[DoctorFinding]:
        if self.read_only:
            yield DoctorFinding(
                check=name, health=Health.OK, message="may list; nothing else was tried (--read-only)"
            )
            return
        upload = probe(f"{PROBE_PREFIX}{uuid.uuid4()}")
        key, content = upload.key, upload.body.read()
        upload.body.seek(0)
        self.objects.put(upload)
        try:
            if self.objects.read(key) != content:
                raise WrongBytes("what was put is not what is read back")
            yield DoctorFinding(check=name, health=Health.OK, message="may put, read and list")
            yield from self._privacy(key)
        finally:
            self.objects.delete(key)
        if self.objects.head(key) is not None:
            raise ProviderError(
                "a deleted object is still there",
                hint="Is there a bucket lock on `.elmify/`? gc could not delete anything.",
            )
        yield DoctorFinding(check=name, health=Health.OK, message="may delete")

    def _privacy(self, key: str) -> Iterator[DoctorFinding]:
        base_url = self.workspace.policy.layout.base_url
        if base_url is None or self.workspace.is_public is None:
            return
        public = self.workspace.is_public(base_url, key)
        if public:
            yield DoctorFinding(
                check="privacy",
                health=Health.FAILED,
                message=f"everybody can read {base_url}/{PROBE_PREFIX}…",
                hint="Keep `.elmify/` off the public domain, with a WAF rule or a Worker that answers 404.",
            )
        elif public is None:
            yield DoctorFinding(
                check="privacy",
                health=Health.WARNING,
                message=f"{base_url} does not answer from here, so nobody knows whether `.elmify/` is public",
                hint="Check `public_base_url:` in elmify.yaml, or run this where the domain answers.",
            )
        else:
            yield DoctorFinding(
                check="privacy", health=Health.OK, message="`.elmify/` is not publicly readable"
            )

    def _database(self, name: str) -> Iterator[DoctorFinding]:
        facts = self.database.facts()
        too_old = facts.version_number < OLDEST_SERVER
        yield DoctorFinding(
            check=name,
            health=Health.FAILED if too_old else Health.OK,
            message=f"{self.database} answers, PostgreSQL {facts.version}",
            hint="elmify needs PostgreSQL 15 or newer." if too_old else "",
        )
        if facts.encrypted is False:
            yield DoctorFinding(
                check="database TLS",
                health=Health.WARNING,
                message="the connection is not encrypted",
                hint="Add sslmode=require to the database URL, unless the way to it is private.",
            )
        if facts.pooled:
            yield DoctorFinding(
                check="database pooler",
                health=Health.OK,
                message="a transaction pooler stands in between, which elmify works behind",
            )
        if facts.missing_rights and not self.read_only:
            yield DoctorFinding(
                check="database rights",
                health=Health.FAILED,
                message="the role may not do all that apply needs",
                hint="Run as an owner:\n" + "\n".join(f"    {grant}" for grant in facts.missing_rights),
            )

    def _database_clock(self, name: str) -> Iterator[DoctorFinding]:
        with self.database.read() as session:
            yield _clock(name, session.now())

    def _identity(self, name: str) -> Iterator[DoctorFinding]:
        marker = read_marker(self.objects)
        with self.database.read() as session:
            identity = session.records.load_identity()
        check_identity(identity, marker, self.workspace.policy.environment)
        message = "not begun: the first apply makes it" if identity is None else f"both stores are {marker}"
        yield DoctorFinding(check=name, health=Health.OK, message=message)

    def _lease(self, name: str) -> Iterator[DoctorFinding]:
        with self.database.read() as session:
            lease = session.records.lease()
        if lease is None:
            yield DoctorFinding(check=name, health=Health.OK, message="nobody holds it")
        elif lease.stale:
            yield DoctorFinding(
                check=name,
                health=Health.WARNING,
                message=f"run {lease.run} of {lease.holder} was interrupted",
                hint="Go on where it stopped with",
                remedies=(Apply(),),
            )
        else:
            yield DoctorFinding(
                check=name, health=Health.OK, message=f"run {lease.run} of {lease.holder} holds it"
            )


def _clock(name: str, theirs: datetime) -> DoctorFinding:
    skew = abs(datetime.now(UTC) - theirs)
    if skew <= CLOCK_SKEW_MAX:
        return DoctorFinding(check=name, health=Health.OK, message="it agrees with this machine's")
    return DoctorFinding(
        check=name,
        health=Health.WARNING,
        message=f"it is {round(skew.total_seconds())} seconds off this machine's",
        hint="Set this machine's clock by NTP; requests to the bucket are refused 15 minutes off.",
    )
