"""Settings: the reader of elmify.yaml and of the given environment."""

from reconciler.settings.ignore_entries import NotWritable, ignored, with_ignored
from reconciler.settings.load import find_root, load_settings
from reconciler.settings.source import CONFIG_NAME, parse_duration, parse_size
from reconciler.settings.values import (
    CdnSettings,
    DirectoryStore,
    EmbeddedDatabase,
    RemoteBucket,
    RemoteDatabase,
    Secret,
    Settings,
    StoreChoice,
)

__all__ = [
    "CONFIG_NAME",
    "CdnSettings",
    "DirectoryStore",
    "EmbeddedDatabase",
    "NotWritable",
    "RemoteBucket",
    "RemoteDatabase",
    "Secret",
    "Settings",
    "StoreChoice",
    "find_root",
    "ignored",
    "load_settings",
    "parse_duration",
    "parse_size",
    "with_ignored",
]
