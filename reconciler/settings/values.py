"""Values read from elmify.yaml and the environment."""

from dataclasses import dataclass, field
from pathlib import Path

from reconciler.model.diagnostics import Diagnostic, in_reading_order
from reconciler.model.errors import InvalidInput
from reconciler.model.history import Actor
from reconciler.model.notifications import NotificationKind
from reconciler.model.policy import Policy


class Secret:
    """Secret text that no message, log or traceback may show.

    `reveal` gives it to the code that must use it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryStore:
    """A folder that behaves like a bucket."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBucket:
    """A bucket behind an S3 endpoint. `endpoint` is a URL without a path."""

    endpoint: str
    bucket: str
    region: str
    access_key_id: str
    secret_access_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedDatabase:
    """A PostgreSQL server of our own, whose files are in a folder."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDatabase:
    """Remote PostgreSQL database.

    `url` may have a `jdbc:` prefix; `variable` is the name of the variable that it came from.
    """

    url: Secret
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChoice:
    """Stores as elmify.yaml and the environment name them.

    A store that has mistakes is void. `staging` is the bucket for bytes that wait for their merge,
    None when the library's own bucket keeps them.
    """

    objects: DirectoryStore | RemoteBucket
    database: EmbeddedDatabase | RemoteDatabase
    staging: DirectoryStore | RemoteBucket | None = None
    bucket_mistakes: tuple[Diagnostic, ...] = ()
    database_mistakes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """Notification settings: recipients, and kinds of messages.

    `urls` are Apprise's, from the environment variable `variable`; often there are none.
    """

    urls: tuple[Secret, ...] = ()
    variable: str = "ELMIFY_NOTIFY_URLS"
    on: frozenset[NotificationKind] = frozenset(NotificationKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class CdnSettings:
    """CDN settings: a zone of Cloudflare's.

    `token` is from the environment variable `variable`; None where that is not set.
    """

    zone: str
    token: Secret | None = None
    variable: str = "ELMIFY_CDN_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of this project on this machine. All paths are absolute.

    `root` is the folder of elmify.yaml, `state_dir` is the folder next to it that elmify keeps and
    git ignores. `cache_dir` is outside the project; None when nothing is to be cached. Code that asks
    for a store gets what is wrong with the stores, as `InvalidInput`; code that only reads the
    catalog needs no credentials.
    """

    root: Path
    policy: Policy
    catalog_dir: Path
    lock_path: Path
    media_root: Path
    state_dir: Path
    cache_dir: Path | None
    stores: StoreChoice
    actor: Actor
    notify: NotifySettings = field(default_factory=NotifySettings)
    cdn: CdnSettings | None = None

    @property
    def media_cache(self) -> Path:
        """The file that remembers the hashes of media files on this machine."""
        return self.state_dir / "cache" / "media.json"

    @property
    def objects(self) -> DirectoryStore | RemoteBucket:
        """The library's bucket."""
        _refuse(self.stores.bucket_mistakes)
        return self.stores.objects

    @property
    def database(self) -> EmbeddedDatabase | RemoteDatabase:
        """The library's database."""
        _refuse(self.stores.database_mistakes)
        return self.stores.database

    @property
    def staging(self) -> DirectoryStore | RemoteBucket | None:
        """Bucket for bytes that wait for their merge.

        None when the library's own bucket keeps them.
        """
        _refuse(self.stores.bucket_mistakes)
        return self.stores.staging

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that no output may show."""
        buckets = (self.stores.objects, self.stores.staging)
        keys = [each.secret_access_key for each in buckets if isinstance(each, RemoteBucket)]
        urls = [self.stores.database.url] if isinstance(self.stores.database, RemoteDatabase) else []
        tokens = [self.cdn.token] if self.cdn is not None and self.cdn.token is not None else []
        return (*keys, *urls, *self.notify.urls, *tokens)

    def refuse_mistakes(self) -> None:
        """Raise `InvalidInput` with all that is wrong with the stores.

        Do nothing when nothing is wrong.
        """
        _refuse((*self.stores.bucket_mistakes, *self.stores.database_mistakes))


def _refuse(mistakes: tuple[Diagnostic, ...]) -> None:
    if mistakes:
        raise InvalidInput(in_reading_order(mistakes))
