"""Settings of a project, from elmify.yaml and the environment.

All mistakes are reported at once.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.model.address import Address
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Position, in_reading_order
from reconciler.model.errors import InvalidInput, UsageError
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.notifications import NotificationKind
from reconciler.model.policy import (
    DEFAULT_TEMPLATES,
    RETENTION_MIN,
    FormatStyle,
    GuardLimits,
    Ignored,
    Layout,
    Policy,
    ReferenceStyle,
    TransferLimits,
)
from reconciler.model.values import Value, readable_size
from reconciler.planning.object_keys import TemplateRefused, key_problem, render_key
from reconciler.settings.ci import read_actor
from reconciler.settings.playback import read_ways
from reconciler.settings.source import CONFIG_NAME, Source, parse_duration, parse_size, read_source
from reconciler.settings.stores import read_stores
from reconciler.settings.values import CdnSettings, NotifySettings, Secret, Settings


def find_root(start: Path) -> Path:
    """Return the nearest folder from `start` upwards that holds elmify.yaml.

    Raises `InvalidInput` if there is none.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    detail = f"There is no {CONFIG_NAME} in {here} or in any folder above it."
    raise InvalidInput([Mistake.NO_SETTINGS.at(Position(CONFIG_NAME), detail)])


LOCKFILE_NAME = "elmify.lock"
STATE_NAME = ".elmify"


# R2: parts of 5 MiB to 5 GiB, a single put of at most 5 GiB.
_PART_MIN_BYTES = 5 * 1024**2
_PART_MAX_BYTES = 5 * 1024**3

_CACHE_OFF = frozenset({"off", "0", "no", "false"})


def load_settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """Read the settings of the project at `root`, which holds elmify.yaml.

    Of the environment only the stores' variables, CI's own,
    `ELMIFY_ACTOR`, `ELMIFY_CACHE` (`off`) and the home of caches are read. Raises `InvalidInput` with all
    mistakes of elmify.yaml at once. What it says of the stores together with the environment is no mistake
    before somebody asks for a store: `elmify validate` needs no secrets.
    """
    root = root.resolve()
    source = read_source(root)
    _refuse_mistakes(source)
    state_dir = root / STATE_NAME
    catalog_dir = _read_catalog_dir(source, root)
    stores = read_stores(source, environ, root, state_dir)
    settings = Settings(
        root=root,
        policy=Policy(
            environment=source.value.get("environment", ""),
            layout=read_layout(source),
            guards=GuardLimits(**source.section("guards")),
            transfer=_read_transfer(source),
            retention=_read_retention(source),
            ignore=tuple(Ignored(**each) for each in source.value.get("ignore", ())),
            staged_retention=_read_staged_retention(source),
            playback=read_ways(source, _parse_base_url),
            own_prefix_is_private=source.section("staging").get("prefix_is_private", False),
        ),
        catalog_dir=catalog_dir,
        lock_path=catalog_dir / LOCKFILE_NAME,
        media_root=root / source.value.get("media", "media"),
        state_dir=state_dir,
        cache_dir=_cache_dir(environ),
        stores=stores,
        actor=read_actor(environ),
        notify=read_notify(source, environ),
        cdn=_read_cdn(source, environ),
    )
    _refuse_mistakes(source)
    return settings


#: Each column that names an image, by its name alone: no two tables share one.
_REFERENCES = {
    column.name: f"{table.name}.{column.name}"
    for table in TABLES.values()
    for column in table.columns
    if column.origin is Origin.REFERENCE
}
_FORMATS = {"mp3": FormatStyle.EXTENSION, "audio/mpeg": FormatStyle.MEDIA_TYPE}

#: Entries with every field, to try a template on.
_SAMPLES: Mapping[Kind, Mapping[str, Value]] = {
    Kind.SPEAKER: {"name": "Name", "bio": "Bio", "premium": False, "visibility": "public"},
    Kind.COLLECTION: {"title": "Title", "description": "Text", "year": 2025},
    Kind.LECTURE: {
        "title": "Title",
        "description": "Text",
        "number": 1,
        "year": 2025,
        "genre": "Genre",
        "public": True,
    },
}


def read_layout(source: Source) -> Layout:
    """Return the layout, reporting templates and URLs that cannot be used."""
    base_url = source.parsed(_parse_base_url, "public_base_url")
    columns = source.section("columns")
    references = {
        _REFERENCES[name]: ReferenceStyle(style) for name, style in columns.items() if name in _REFERENCES
    }
    if "public_base_url" not in source.value:
        for name in columns:
            if columns[name] == ReferenceStyle.URL:
                detail = f"`{name}` is to hold URLs, and `public_base_url` is not set."
                source.report(Mistake.NO_BASE_URL, ("columns", name), detail)
    return Layout(
        templates={**DEFAULT_TEMPLATES, **_read_templates(source)},
        base_url=base_url,
        references=references,
        format_style=_FORMATS[columns.get("file_format", "mp3")],
    )


def _parse_base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("it is no base URL", hint="Write https:// and the domain: https://cdn.example.org")
    return text.rstrip("/")


def _read_templates(source: Source) -> dict[Slot, str]:
    templates = {Slot[name.upper()]: text for name, text in source.section("keys").items()}
    for slot, template in templates.items():
        if problem := _template_problem(slot, template):
            source.report(Mistake.BAD_TEMPLATE, ("keys", slot.name.lower()), f"{problem}.")
    return templates


def _template_problem(slot: Slot, template: str) -> str | None:
    lineage = _sample_lineage(slot)
    extension = "mp3" if slot is Slot.LECTURE_AUDIO else "jpg"
    try:
        key = render_key(template, lineage, extension)
    except TemplateRefused as refused:
        return f"`{slot.name.lower()}`: {refused}"
    problem = key_problem(key)
    return f"`{slot.name.lower()}` gives keys like `{key}`, and {problem}" if problem else None


def _sample_lineage(slot: Slot) -> dict[Kind, Resource]:
    """Return a sample entry that has the slot, with its parents.

    This is everything that the slot's template may name.
    """
    kinds = list(Kind)
    owner = next(kind for kind in kinds if slot in TABLES[kind].slots)
    return {kind: _sample(kind, kinds) for kind in kinds[: kinds.index(owner) + 1]}


def _sample(kind: Kind, kinds: list[Kind]) -> Resource:
    address = Address("/".join(kinds[: kinds.index(kind) + 1]))
    return Resource(address=address, kind=kind, position=Position("sample"), fields=_SAMPLES[kind], media={})


#: URLs are parted by white space, or by a comma that another scheme follows: a URL may hold a comma itself.
_BETWEEN = re.compile(r"\s+|,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")


def read_notify(source: Source, environ: Mapping[str, str]) -> NotifySettings:
    """Return the notification settings: recipients, and kinds of messages.

    Without a section in elmify.yaml, the variable `ELMIFY_NOTIFY_URLS` names the recipients, and they
    get every kind.
    """
    section = source.section("notify")
    variable = section.get("urls_from", NotifySettings().variable)
    texts = filter(None, _BETWEEN.split(environ.get(variable, "").strip()))
    return NotifySettings(
        urls=tuple(map(Secret, texts)),
        variable=variable,
        on=frozenset(map(NotificationKind, section["on"]))
        if "on" in section
        else frozenset(NotificationKind),
    )


def _read_cdn(source: Source, environ: Mapping[str, str]) -> CdnSettings | None:
    """Return the CDN's zone and token; None where elmify.yaml names no zone."""
    section = source.section("cdn")
    if not section:
        return None
    settings = CdnSettings(zone=section["zone"])
    variable = section.get("token_from", settings.variable)
    token = environ.get(variable, "").strip()
    return replace(settings, variable=variable, token=Secret(token) if token else None)


def _refuse_mistakes(source: Source) -> None:
    if source.found:
        raise InvalidInput(in_reading_order(source.found))


def _read_catalog_dir(source: Source, root: Path) -> Path:
    name: str = source.value.get("catalog", "catalog")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        hint = "Write a folder of the project, such as `catalog`: it is reviewed together with elmify.yaml."
        source.report(Mistake.BAD_SETTING, ("catalog",), f"`{name}` is outside of the project.", hint)
    return root / name


def _read_retention(source: Source) -> timedelta:
    retention: timedelta | None = source.parsed(parse_duration, "retention")
    if retention is None:
        return Policy(environment="").retention
    if retention < RETENTION_MIN:
        hint = "Write 24h or more. A single resource can be taken down at once."
        source.report(Mistake.BAD_SETTING, ("retention",), "Objects are kept for at least 24 hours.", hint)
    return retention


def _read_staged_retention(source: Source) -> timedelta:
    retention: timedelta | None = source.parsed(parse_duration, "staging", "keep")
    if retention is None:
        return Policy(environment="").staged_retention
    if retention < RETENTION_MIN:
        hint = "Write 24h or more: a pull request has to find what was staged for it."
        source.report(
            Mistake.BAD_SETTING, ("staging", "keep"), "Staged copies are kept for at least 24 hours.", hint
        )
    return retention


def _read_transfer(source: Source) -> TransferLimits:
    section, default = source.section("transfer"), TransferLimits()
    single_put = source.parsed(parse_size, "transfer", "single_put")
    part_size = source.parsed(parse_size, "transfer", "part_size")
    for name, size in (("single_put", single_put), ("part_size", part_size)):
        if size is not None and not _PART_MIN_BYTES <= size <= _PART_MAX_BYTES:
            bounds = f"from {readable_size(_PART_MIN_BYTES)} to {readable_size(_PART_MAX_BYTES)}"
            source.report(Mistake.BAD_SETTING, ("transfer", name), f"`{name}` must be {bounds}.")
    return TransferLimits(
        single_put_bytes=single_put or default.single_put_bytes,
        part_bytes=part_size or default.part_bytes,
        concurrency=section.get("concurrency", default.concurrency),
        cache_control=section.get("cache_control", default.cache_control),
        playback_cache_control=section.get("playback_cache_control", default.playback_cache_control),
    )


def _cache_dir(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for caches.

    None when caches are off or there is no home. A relative XDG path is ignored.
    """
    if environ.get("ELMIFY_CACHE", "").lower() in _CACHE_OFF:
        return None
    given = Path(environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given / "elmify"
    home = Path(environ.get("HOME", ""))
    return home / ".cache" / "elmify" if home.is_absolute() else None
