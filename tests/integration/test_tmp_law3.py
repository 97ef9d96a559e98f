"""The law of rollback: apply a run, take it back, and both stores are as before; take that back, as after."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.kinds import Kind, Slot
from reconciler.planning.world import Request
from tests import postgres
from tests.content import insert, lecture
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


def moving(old: str, new: str) -> Edit:
    def move(stand: Stand) -> None:
        resource = stand.resources.get(Address(old))
        if resource is not None and Address(new.rpartition("/")[0]) in stand.resources:
            stand.drop(old)
            audio = {"audio": resource.media[Slot.LECTURE_AUDIO]}
            stand.declare(new, media=audio, previously=old, **dict(resource.fields))  # type: ignore[arg-type]

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
    "move": moving("ali/seerah/part-2", "bilal/fiqh/part-3"),
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


def state_of(stand: Stand) -> State:
    """Return everything a listener could meet, and which keys elmify holds to be live."""
    rows = {
        table: [
            {name: value for name, value in row.items() if name != "updated_at"}
            for row in stand.sql(f"select * from {table} order by 1, 2")
        ]
        for table in TABLES
    }
    live = stand.sql("select key from elmify.object where state = 'live' order by key")
    return {**rows, "counts": stand.sql(COUNTS), "live": [row["key"] for row in live]}


def records_of(stand: Stand) -> list[dict[str, Any]]:
    return stand.sql(
        "select address, row_id, name, parent_row, keys, applied, protect from elmify.resource order by 1"
    )


@settings(
    max_examples=45, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(names=st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=6, unique=True))
@example(names=["drop a speaker", "take the name of a dropped speaker", "adopt", "a new speaker"])
@example(names=["move", "swap titles", "forget", "adopt", "other categories"])
def test_a_run_taken_back_leaves_no_trace_and_that_taken_back_restores_it(
    postgres_server: str, production_template: str, names: list[str]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.clone(postgres_server, production_template) as url,
    ):
        stand = a_library(Path(folder), url)
        before, recorded = state_of(stand), records_of(stand)
        for name in sorted(names):  # what is dropped goes first
            EDITS[name](stand)
        run = stand.apply(GENEROUS).run
        after = state_of(stand)

        back = stand.apply(Request(rolls_back=run, allowances=GENEROUS.allowances))

        assert state_of(stand) == before
        assert records_of(stand) == recorded
        stand.apply(Request(rolls_back=back.run, allowances=GENEROUS.allowances))
        assert state_of(stand) == after
        named = {row["file_path"] for row in stand.sql("select file_path from lectures")}
        declared = named - {"Yusuf Karim/Tafsir/Nobody's.mp3", "ali/seerah/adopted.mp3"}
        assert declared <= set(stand.object_keys())
