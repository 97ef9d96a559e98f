"""The law of rollback: apply a run, take it back, and both stores are as before; take that back, as after.

Where the run has put other bytes under a key, the row names the copy that was kept of its recording.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.errors import Guarded
from reconciler.model.kinds import Kind, Slot
from reconciler.planning.object_keys import has_hash, is_form_of
from reconciler.planning.world import Request
from tests import postgres
from tests.content import insert, lecture
from tests.failures import failing
from tests.listener.cdn import object_bytes
from tests.listener.hearing import PLAYED, listening
from tests.stand import Stand

#: Every table of the app that a run may touch; what is only a time of writing is left out.
TABLES = (
    "speakers",
    "collections",
    "lectures",
    "lecture_categories",
    "collection_categories",
    "favorites",
    "playback_positions",
    "user_saved_lectures",
    "listening_stats",
    "lecture_play_credits",
)
COUNTS = "select slug, lecture_count, collection_count from categories order by slug"
GENEROUS = Request(options=frozenset({"delete-unmanaged"}), allowances={"user-rows": 1_000, "deletes": 1_000})
Edit = Callable[[Stand], None]
State = dict[str, Any]


def a_library(folder: Path, url: str) -> Stand:
    """Return two speakers with three collections and their lectures, listeners, and what nobody declared."""
    stand = Stand(folder, url)
    for speaker in ("ali", "bilal"):
        stand.declare(speaker, name=speaker.title())
    for collection in ("ali/quran", "ali/seerah", "bilal/fiqh"):
        stand.declare(collection, categories=("quran", "seerah"), media={"cover": f"{collection}.jpg"})
        stand.record(f"{collection}.jpg", collection.encode())
        for number in (1, 2):
            address = f"{collection}/part-{number}"
            stand.declare(address, title=f"Part {number}", number=number, categories=("quran",))
    stand.declare("bilal/fiqh/kept", protect=True)
    stand.apply()
    insert(url, Kind.LECTURE, lecture("Nobody's"), lecture("Adopted", file_path="ali/seerah/adopted.mp3"))
    for row in stand.sql("select id from lectures order by id"):
        let_people_use(stand, row["id"])
    return stand


def let_people_use(stand: Stand, row: int) -> None:
    """Let two people keep something of every sort for a lecture."""
    for user in (1, 2):
        stand.favourite(row, user)
        for statement in (
            "insert into playback_positions (user_id, lecture_id, current_position) values (%s, %s, 7)",
            "insert into user_saved_lectures (user_id, lecture_id) values (%s, %s)",
            "insert into listening_stats (user_id, lecture_id, date) values (%s, %s, '2026-01-01')",
            "insert into lecture_play_credits (user_id, lecture_id, day) values (%s, %s, '2026-01-01')",
        ):
            stand.sql(statement, user, row)


def dropping(address: str) -> Edit:
    return lambda stand: stand.drop(address)


def titling(address: str, **fields: Any) -> Edit:
    return lambda stand: stand.change(address, **fields) if address in stand.resources else None


def moving(old: str, new: str, **fields: Any) -> Edit:
    def move(stand: Stand) -> None:
        resource = stand.resources.get(Address(old))
        if resource is not None and Address(new.rpartition("/")[0]) in stand.resources:
            stand.drop(old)
            audio = {"audio": resource.media[Slot.LECTURE_AUDIO]}
            stand.declare(new, media=audio, previously=old, **{**resource.fields, **fields})

    return move


def swapping(stand: Stand) -> None:
    if "ali/quran" in stand.resources and "ali/seerah" in stand.resources:
        stand.change("ali/quran", title="Seerah")
        stand.change("ali/seerah", title="Quran")


def taking_a_name(stand: Stand) -> None:
    if "ali" not in stand.resources:
        stand.change("bilal", name="Ali")


def recording(path: str) -> Edit:
    def record(stand: Stand) -> None:
        stand.record(path, b"recorded again", **({"duration_seconds": 5.0} if path.endswith("3") else {}))

    return record


def adding(address: str, **fields: Any) -> Edit:
    def add(stand: Stand) -> None:
        if address.rpartition("/")[0] in stand.resources or "/" not in address:
            stand.declare(address, **fields)

    return add


def forgetting(address: str) -> Edit:
    def forget(stand: Stand) -> None:
        if address in stand.resources:
            stand.drop(address)
            stand.forget |= {Address(address)}

    return forget


def unprotecting(stand: Stand) -> None:
    if "bilal/fiqh/kept" in stand.resources:
        stand.declare("bilal/fiqh/kept", protect=False)


def adopting(stand: Stand) -> None:
    [found] = stand.sql("select id from lectures where title = 'Adopted'")
    if "ali/seerah" in stand.resources:
        stand.declare("ali/seerah/adopted", title="Adopted, and corrected", row=found["id"])


EDITS: dict[str, Edit] = {
    "drop a lecture": dropping("ali/quran/part-1"),
    "drop a collection": dropping("ali/seerah"),
    "drop a speaker": dropping("ali"),
    "retitle": titling("bilal/fiqh/part-1", title="Another title", description="and why"),
    "other categories": titling("bilal/fiqh/part-2", categories=("tafsir",)),
    "take the name of a dropped speaker": taking_a_name,
    "record again": recording("bilal/fiqh/part-1.mp3"),
    "another cover": recording("bilal/fiqh.jpg"),
    "move": moving("ali/seerah/part-2", "bilal/fiqh/part-3", title="Part 3", number=3),
    "swap titles": swapping,
    "a new lecture": adding("ali/quran/new", categories=("quran",)),
    "a new speaker": lambda stand: (
        adding("umar", name="Umar")(stand),
        adding("umar/hadith")(stand),
        adding("umar/hadith/one")(stand),
        moving("bilal/fiqh/part-1", "umar/hadith/two")(stand),
    )[3],
    "forget": forgetting("ali/quran/part-2"),
    "unprotect": unprotecting,
    "adopt": adopting,
}


def takes_a_key_from_another(names: Collection[str]) -> bool:
    """Return whether a forgotten row would be found by the key of a lecture that moved away."""
    dropped = {"drop a collection", "drop a speaker"} & set(names)
    return {"forget", "move", "swap titles"} <= set(names) and not dropped


def state_of(stand: Stand) -> State:
    """Return everything that a listener could meet, and what elmify remembers of the library."""
    rows = {
        table: [
            {name: value for name, value in row.items() if name != "updated_at"}
            for row in stand.sql(f"select * from {table} order by 1, 2")
        ]
        for table in TABLES
    }
    with listening(stand.url, stand.objects) as listener:
        answers = listener.heard(PLAYED)
    heard = {
        f"{row} by {way}": answer.sha256 for (row, way), answer in answers.items() if answer.status == 200
    }
    columns = "address, row_id, name, parent_row, keys, applied, protect"
    records = stand.sql(f"select {columns} from elmify.resource order by 1")
    return {**rows, "counts": stand.sql(COUNTS), "heard": heard, "records": records}


@dataclass(frozen=True)
class Keys:
    """Keys of one moment: those in `file_path` by row, those that are live, and the hash under each."""

    named: Mapping[int, str]
    live: AbstractSet[str]
    hashes: Mapping[str, str]


def keys_of(stand: Stand) -> Keys:
    live = stand.sql("select key from elmify.object where state = 'live'")
    found = ((key, object_bytes(stand.objects, key)) for key in stand.object_keys())
    return Keys(
        named={row["id"]: row["file_path"] for row in stand.sql("select id, file_path from lectures")},
        live={row["key"] for row in live},
        hashes={key: hashlib.sha256(there[1]).hexdigest() for key, there in found if there is not None},
    )


def kept_copies(before: Keys, after: Keys, now: Keys) -> Mapping[str, str]:
    """Return the keys with other bytes since the run, each with the key that its row names now."""
    overwritten = {
        row: key
        for row, key in before.named.items()
        if key in before.hashes and before.hashes[key] != after.hashes.get(key)
    }
    kept = {key: now.named[row] for row, key in overwritten.items()}
    assert all(is_form_of(new, key, before.hashes[key]) and has_hash(new) for key, new in kept.items())
    return kept


def without(state: State, kept: Mapping[str, str]) -> State:
    """Return a state as it is when every row names the key from before, and not the copy that was kept."""
    text = json.dumps(state, default=str)
    for copy in kept.values():
        text = text.replace(re.search(r"~[0-9a-f]+(?=[.])", copy)[0], "")  # type: ignore[index]
    return json.loads(text)  # type: ignore[no-any-return]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(names=st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=6, unique=True))
@example(names=["drop a speaker", "take the name of a dropped speaker", "adopt", "a new speaker"])
@example(names=["record again", "retitle", "a new speaker"])
@example(names=["record again", "swap titles", "another cover"])
@example(names=["move", "swap titles", "adopt", "other categories"])
@example(names=["move", "swap titles", "forget"])
def test_a_run_taken_back_leaves_no_trace_and_that_taken_back_restores_it(
    postgres_server: str, production_template: str, names: list[str]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.clone(postgres_server, production_template) as url,
    ):
        stand = a_library(Path(folder), url)
        before, keys_before = state_of(stand), keys_of(stand)
        for name in sorted(names):  # what is dropped goes first
            EDITS[name](stand)
        if takes_a_key_from_another(names):
            with failing(Guarded, "guarded", "playback"):
                stand.apply(GENEROUS)
            assert (state_of(stand), keys_of(stand)) == (before, keys_before)
            return
        run = stand.apply(GENEROUS).run
        after, keys_after = state_of(stand), keys_of(stand)

        back = stand.apply(Request(rolls_back=run, allowances=GENEROUS.allowances))

        keys_back = keys_of(stand)
        kept = kept_copies(keys_before, keys_after, keys_back)
        restored = without(state_of(stand), kept)
        heard = {
            place: restored["heard"].get(place) for place in before["heard"]
        }  # a file may have come back
        assert {**restored, "heard": heard} == without(before, {})
        assert keys_back.live == {*keys_before.live, *kept.values()}
        stand.apply(Request(rolls_back=back.run, allowances=GENEROUS.allowances))
        assert (state_of(stand), keys_of(stand).live) == (after, keys_after.live)
        named = {row["file_path"] for row in stand.sql("select file_path from lectures")}
        declared = named - {"Yusuf Karim/Tafsir/Nobody's.mp3", "ali/seerah/adopted.mp3"}
        assert declared <= set(stand.object_keys())
