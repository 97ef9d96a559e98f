"""The only reader of elmify.yaml and of the environment."""

from reconciler.settings.letting_be import NotWritable, ignored, with_ignored
from reconciler.settings.load import load_settings
from reconciler.settings.project import CONFIG_NAME, find_root
from reconciler.settings.units import parse_duration, parse_size
from reconciler.settings.values import (
    DirectoryBucket,
    EmbeddedDatabase,
    RemoteBucket,
    RemoteDatabase,
    Secret,
    Settings,
    StoreChoice,
)

__all__ = [
    "CONFIG_NAME",
    "DirectoryBucket",
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
