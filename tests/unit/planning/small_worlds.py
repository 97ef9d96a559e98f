"""Random small worlds: a catalog that was applied, what other hands did since, and the catalog of today."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from hypothesis import strategies as st

from reconciler.model.address import kind_of
from reconciler.model.catalog import Catalog, Resource
from reconciler.model.kinds import Kind
from reconciler.model.recorded import Recorded
from reconciler.planning.world import World
from tests.unit.planning.worlds import (
    IDENTITY,
    catalog,
    collection,
    collection_row,
    edited,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    renumbered,
    speaker,
    speaker_row,
    stored,
    wiped,
    with_objects,
    with_put,
    with_rows,
    without_objects,
    without_records,
    without_rows,
)

TITLES = ("Alpha", "Beta", "é", "a/b", "ﷺ & co")
CONTENTS = ("one", "two", "three")
FILES = ("1.mp3", "2.mp3", "3.mp3", "4.mp3")


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Draw a catalog of at most two speakers, as the loader lets it through: names differ within a scope."""
    resources: list[Resource] = []
    for speaker_id, name in _named(draw, "st"):
        resources.append(speaker(speaker_id, name=name, **_images(draw), **_maybe(draw, "bio", ("x", "y"))))
        for collection_id, title in _named(draw, "cd"):
            address = f"{speaker_id}/{collection_id}"
            resources.append(collection(address, title=title, **_maybe(draw, "categories", _CATEGORIES)))
            resources.extend(_lectures(draw, address))
    lock = [media(path, draw(st.sampled_from(CONTENTS))) for path in (*FILES, "i.jpg")]
    return catalog(*draw(st.permutations(resources)), lock=lock)


_CATEGORIES = ((), ("quran",), ("fiqh", "quran"), ("quran", "fiqh"), None)


def _named(draw: st.DrawFn, ids: str) -> list[tuple[str, str]]:
    chosen = draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids)))
    names = draw(st.lists(st.sampled_from(TITLES), unique=True, min_size=len(chosen), max_size=len(chosen)))
    return list(zip(chosen, names, strict=True))


def _lectures(draw: st.DrawFn, parent: str) -> list[Resource]:
    named = _named(draw, "lmn")
    files = draw(st.permutations(FILES))
    return [
        lecture(
            f"{parent}/{lecture_id}",
            title=title,
            audio=path,
            **_maybe(draw, "number", (1, 2)),
            **_maybe(draw, "protect", (True,)),
            **_maybe(draw, "thumbnail", ("i.jpg", None)),
            **_maybe(draw, "description", ("x", None)),
        )
        for (lecture_id, title), path in zip(named, files, strict=False)
    ]


def _images(draw: st.DrawFn) -> dict[str, object]:
    return {**_maybe(draw, "image", ("i.jpg", None)), **_maybe(draw, "image_small", ("i.jpg",))}


def _maybe(draw: st.DrawFn, name: str, values: tuple[object, ...]) -> dict[str, object]:
    return {name: draw(st.sampled_from(values))} if draw(st.booleans()) else {}


@dataclass(frozen=True)
class Meddling:
    """Something other hands did. Shown by its name when a law fails."""

    name: str
    do: Callable[[World], World]

    def __repr__(self) -> str:
        return self.name


def _delete_first_lecture(world: World) -> World:
    rows = list(world.snapshot.rows[Kind.LECTURE].values())
    return without_rows(world, *rows[:1])


def _rename_everything(world: World) -> World:
    rows = world.snapshot.rows[Kind.LECTURE].values()
    return with_rows(world, *(edited(row, title=f"{row['title']} ", file_hash=None) for row in rows))


def _add_stray_rows(world: World) -> World:
    named = [str(row["file_path"]) for row in world.snapshot.rows[Kind.LECTURE].values()]
    strays = [
        lecture_row(900 + place, "Stray", f"stray {place}", audio_url=f"https://last-year.test/{key}")
        for place, key in enumerate(named)
    ]
    return with_rows(world, *strays)


def _add_stray_names(world: World) -> World:
    speakers = [speaker_row(900 + place, title) for place, title in enumerate(TITLES[:2])]
    taken = {row["name"] for row in world.snapshot.rows[Kind.SPEAKER].values()}
    free = [row for row in speakers if row["name"] not in taken]
    return with_rows(world, *free, *(collection_row(row.id, row.id, TITLES[2]) for row in free))


def _shuffle_ids(world: World) -> World:
    ids = list(world.snapshot.rows[Kind.LECTURE])
    return renumbered(world, {Kind.LECTURE: dict(zip(ids, [*ids[1:], *ids[:1]], strict=True))})


def _lose_objects(world: World) -> World:
    return without_objects(world, *list(world.snapshot.objects)[::2])


def _replace_objects(world: World) -> World:
    objects = list(world.snapshot.objects.values())[::2]
    return with_objects(world, *(stored(found.key, "tampered") for found in objects))


def _crash(world: World) -> World:
    return with_put(world, planned(world))


MEDDLING = tuple(
    Meddling(do.__name__.strip("_"), do)
    for do in (
        _delete_first_lecture,
        wiped,
        _rename_everything,
        _add_stray_rows,
        _add_stray_names,
        _shuffle_ids,
        _lose_objects,
        _replace_objects,
        _crash,
        without_records,
    )
)


class Story:
    """How a world came to be: applied, meddled with, declared anew."""

    def __init__(self, first: Catalog, meddling: tuple[Meddling, ...], second: Catalog) -> None:
        self.first, self.meddling, self.second = first, meddling, second

    def __repr__(self) -> str:
        return "\n".join(
            ("FIRST", *_said(self.first), f"THEN {self.meddling}", "SECOND", *_said(self.second))
        )

    def world(self) -> World:
        world = live(self.first)
        for meddling in self.meddling:
            world = meddling.do(world)
        return replace(world, catalog=self.second)


def _said(declared: Catalog) -> list[str]:
    lines = [
        f"  {r.address} {dict(r.fields)} {dict(r.media)} {r.protect} {r.previously}"
        for r in declared.resources.values()
    ]
    same = [f"{m.path}={m.sha256[:4]}" for m in declared.media.values() if m.sha256 is not None]
    return [*lines, f"  {' '.join(same)}"]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    meddling = draw(st.lists(st.sampled_from(MEDDLING), max_size=2, unique=True))
    first, second = draw(catalogs()), draw(catalogs())
    return Story(first, tuple(meddling), draw(_renamed(first, second)))


@st.composite
def _renamed(draw: st.DrawFn, first: Catalog, second: Catalog) -> Catalog:
    """Draw which of the new addresses were previously one of those that vanished."""
    vanished = [address for address in first.resources if address not in second.resources]
    resources = dict(second.resources)
    for address, resource in resources.items():
        choices = [old for old in vanished if kind_of(old) is resource.kind]
        if choices and address not in first.resources and draw(st.integers(0, 3)):
            previously = draw(st.sampled_from(choices))
            vanished.remove(previously)
            resources[address] = replace(resource, previously=previously)
    return replace(second, resources=resources)


def reordered(world: World) -> World:
    """Return the same world with everything in another order."""
    catalog_ = world.catalog
    parents_first = sorted(_turned(catalog_.resources).items(), key=lambda item: item[0].count("/"))
    snapshot = replace(
        world.snapshot,
        objects=_turned(world.snapshot.objects),
        rows={kind: _turned(table) for kind, table in _turned(world.snapshot.rows).items()},
    )
    recorded = Recorded(
        identity=IDENTITY,
        resources=_turned(world.recorded.resources),
        keys=_turned(world.recorded.keys),
    )
    resources = replace(catalog_, resources=dict(parents_first), media=_turned(catalog_.media))
    return replace(world, catalog=resources, snapshot=snapshot, recorded=recorded)


_K = TypeVar("_K")
_V = TypeVar("_V")


def _turned(mapping: Mapping[_K, _V]) -> dict[_K, _V]:
    return dict(reversed(list(mapping.items())))
