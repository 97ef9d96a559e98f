"""Killed and interrupted in the middle: nothing half-done is seen, and the next apply ends well."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import psycopg
import pytest

from tests.acceptance.gates import Gate, gate, puts_of
from tests.acceptance.projects import Project, Running
from tests.buckets import bucket_at

#: On an idle machine the terminal is back in under eight seconds. This does not measure that: it tells an end
#: from waiting for a hanging connection, which would take minutes.
BACK_WITHIN_SECONDS = 40

LECTURES = 12


@pytest.fixture
def entrance(s3_url: str) -> Iterator[Gate]:
    with gate(s3_url) as entrance:
        yield entrance


@pytest.fixture
def library(team: Project, entrance: Gate) -> Project:
    """A project of twelve lectures, whose bucket is behind the gate."""
    team.environ["R2_ENDPOINT"] = entrance.url
    for number in range(2, LECTURES + 1):
        team.lecture(f"lecture-{number}", number=number, content=bytes([number]) * 100_000)
    return team


def start_apply(project: Project) -> Running:
    return project.start("apply", "--auto-approve", "--format", "json")


def hold_uploads_after(entrance: Gate, count: int) -> None:
    """Let that many audio files through, and hold every other."""
    let_through: set[str] = set()

    def wanted(method: str, path: str) -> bool:
        if method != "PUT" or not path.endswith(".mp3"):
            return False
        if len(let_through) < count:
            let_through.add(path)
        return path not in let_through

    entrance.hold(wanted)


def expire_lease(project: Project) -> None:
    """Let a minute pass since the last heartbeat."""
    project.sql(
        "update elmify.lease set expires_at = clock_timestamp() - interval '1 second' where run is not null"
    )


def nothing_is_visible(project: Project) -> bool:
    return not any(project.sql(f"select 1 from {table}") for table in ("speakers", "collections", "lectures"))


def ended_after(running: Running, number: signal.Signals) -> tuple[int, float]:
    """Send a signal; return the exit status and the seconds until the end."""
    began = monotonic()
    running.interrupt(number)
    status = running.end().status
    return status, monotonic() - began


def kill(running: Running) -> None:
    running.process.kill()
    running.end()


def converges(project: Project) -> bool:
    """Whether one more apply ends it, with every lecture there, and a plan after that is empty."""
    project.apply()
    rows = project.sql("select file_path from lectures")
    return len(rows) == LECTURES and project.nothing_to_do()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_interrupted_while_uploads_hang_it_is_over_in_seconds(
    library: Project, entrance: Gate, number: signal.Signals, status: int
) -> None:
    hold_uploads_after(entrance, 3)
    running = start_apply(library)
    for _ in range(3):
        running.wait_for("file")
    entrance.wait_until_held()

    ended, seconds = ended_after(running, number)

    assert ended == status
    assert seconds < BACK_WITHIN_SECONDS
    assert nothing_is_visible(library)
    assert library.runs()[-1]["state"] == "failed"
    assert library.sql("select run from elmify.lease") == [{"run": None}]
    entrance.release()
    resumed = start_apply(library).end()
    stored = [event["name"] for event in resumed.events if event["event"] == "file"]
    assert len(stored) == LECTURES - 3
    assert len(library.sql("select * from lectures")) == LECTURES


def test_killed_while_uploading_nothing_is_visible_and_the_next_apply_converges(
    library: Project, entrance: Gate
) -> None:
    hold_uploads_after(entrance, 3)
    running = start_apply(library)
    for _ in range(3):
        running.wait_for("file")

    kill(running)

    entrance.release()
    assert nothing_is_visible(library)
    assert f"run {library.runs()[-1]['id']} of tester" in library.apply(status=5).err
    expire_lease(library)
    assert converges(library)


def test_interrupted_while_the_bucket_does_not_answer_the_listing(library: Project, entrance: Gate) -> None:
    entrance.hold(lambda method, _: method == "GET")
    running = start_apply(library)
    entrance.wait_until_held()

    status, seconds = ended_after(running, signal.SIGINT)

    assert status == 130
    assert seconds < BACK_WITHIN_SECONDS


def test_interrupted_while_its_lease_holds_and_the_bucket_does_not_answer(
    library: Project, entrance: Gate
) -> None:
    library.elmify("plan", "--out", "plan.json")
    entrance.hold(lambda method, path: method == "GET" and not path.endswith("identity.json"))
    running = library.start("apply", "plan.json", "--format", "json")
    running.wait_for("lease-acquired")
    entrance.wait_until_held()

    status, seconds = ended_after(running, signal.SIGINT)

    assert status == 130
    assert seconds < BACK_WITHIN_SECONDS
    assert library.sql("select run from elmify.lease") == [{"run": None}]


@contextmanager
def commit_held(project: Project) -> Iterator[psycopg.Connection]:
    """Hold what the commit needs last, so that it stands still with every row changed and nothing visible."""
    with psycopg.connect(project.database_url) as connection:
        connection.execute("select * from elmify.audit_head for update")
        yield connection
        connection.rollback()


_WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def wait_until_commit_waits(project: Project, running: Running) -> None:
    with psycopg.connect(project.database_url, autocommit=True) as looking:
        while not looking.execute(_WAITING).fetchone():
            try:
                status = running.process.wait(timeout=0.02)  # the pause between two looks
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the command ended before its commit: {status} {running.end()}")


@pytest.fixture
def begun(library: Project) -> Project:
    """The same, with an environment and records, and no content yet."""
    library.elmify("identity", "--rebind", "--auto-approve")
    return library


def test_killed_in_the_middle_of_the_commit_nothing_is_visible(begun: Project) -> None:
    with commit_held(begun):
        running = start_apply(begun)
        wait_until_commit_waits(begun, running)
        kill(running)

    expire_lease(begun)  # waits until the server has noticed
    assert nothing_is_visible(begun)
    assert begun.runs()[-1]["state"] == "begun"
    assert converges(begun)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_interrupted_in_the_middle_of_the_commit_nothing_is_visible(
    begun: Project, number: signal.Signals, status: int
) -> None:
    with commit_held(begun):
        running = start_apply(begun)
        wait_until_commit_waits(begun, running)
        ended, seconds = ended_after(running, number)

    assert ended == status
    assert seconds < BACK_WITHIN_SECONDS
    assert nothing_is_visible(begun)
    assert begun.runs()[-1]["state"] == "failed"
    assert begun.sql("select run from elmify.lease") == [{"run": None}]
    assert converges(begun)


def audit_heads(method: str, path: str) -> bool:
    return method == "PUT" and "/.elmify/audit/" in path


def test_killed_after_the_commit_the_next_apply_keeps_the_audit_head(
    library: Project, entrance: Gate, s3_url: str
) -> None:
    entrance.hold(audit_heads)
    running = start_apply(library)
    running.wait_for("committed")
    entrance.wait_until_held()

    kill(running)

    entrance.release()
    assert len(library.sql("select * from lectures")) == LECTURES
    assert library.apply("--format", "json").events[-1]["changes"] == 0
    store = bucket_at(s3_url, library.environ["R2_BUCKET_NAME"])
    assert len(list(store.list(".elmify/audit/"))) == 1
    store.close()


def test_interrupted_after_the_commit_it_says_that_the_commit_stands(
    library: Project, entrance: Gate
) -> None:
    entrance.hold(audit_heads)
    running = start_apply(library)
    running.wait_for("committed")
    entrance.wait_until_held()

    running.interrupt()
    # The one put in the main thread is not given up before the gate hangs up on it.
    entrance.release()
    ended = running.end()

    assert ended.status == 3
    assert ended.events[-1]["error"]["code"] == "unfinished"
    assert library.runs()[-1]["state"] == "done"
    assert converges(library)


def test_an_upload_that_arrives_after_its_run_was_killed_is_used(library: Project, entrance: Gate) -> None:
    entrance.hold(puts_of("12%20-%20Lecture-12.mp3"))
    running = start_apply(library)
    entrance.wait_until_held()
    kill(running)
    entrance.release()
    late = library.root / "media" / "lecture-12.mp3"
    put_late(library, "Ali/Quran/12 - Lecture-12.mp3", late.read_bytes())

    expire_lease(library)

    assert converges(library)
    assert library.sql("select file_path from lectures where lecture_number = 12") == [
        {"file_path": "Ali/Quran/12 - Lecture-12.mp3"}
    ]


def put_late(project: Project, key: str, content: bytes) -> None:
    from tests.uploads import upload

    store = bucket_at(project.environ["R2_ENDPOINT"], project.environ["R2_BUCKET_NAME"])
    store.put(upload(key, content, metadata={"sha256": project.media["lecture-12.mp3"].sha256 or ""}))
    store.close()
