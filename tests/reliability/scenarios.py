"""What elmify is doing when a fault strikes: small catalogs before and after, one for each sort of change."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.reliability.drafts import PART_BYTES, Draft

#: Where a scenario is played: in a directory bucket, in a bucket of an S3 server.
DIRECTORY, SERVER = "directory", "server"

Edit = Callable[[Draft], None]
Sql = Callable[..., list[dict[str, Any]]]

#: One name as most people type it and as macOS writes it: `ū` and `ṣ` are one character, or two.
NFC = unicodedata.normalize("NFC", "Sūrat al-Ikhlāṣ")
NFD = unicodedata.normalize("NFD", NFC)


# What happens in the database.


def nobody_interferes(_sql: Sql) -> None:
    """Leave the rows as they are."""


def listeners(sql: Sql) -> None:
    """Let two users favour, play and save every lecture."""
    sql("insert into users (id, email) values (1, 'one@example.com'), (2, 'two@example.com')")
    for table, more, value in (
        ("favorites", "", ""),
        ("playback_positions", ", current_position", ", 7"),
        ("listening_stats", ", date", ", '2026-01-02'"),
        ("user_saved_lectures", "", ""),
    ):
        sql(
            f"insert into {table} (user_id, lecture_id{more})"
            f" select u.id, l.id{value} from users as u, lectures as l order by u.id, l.id"
        )


def respelled(sql: Sql) -> None:
    """Let somebody compose the letters of the rows: those of the objects are not."""
    sql("update lectures set file_path = normalize(file_path, nfc)")


def two_months(sql: Sql) -> None:
    """Let the retention of everything pass."""
    sql("update elmify.object set changed_at = changed_at - interval '60 days'")


@dataclass(frozen=True)
class Scenario:
    """A world, and what is done in it.

    Each of `before` has been applied, in order; after the first, users have listened. `meanwhile` has then
    happened in the database, and `after` has changed the catalog. Now `command` runs. The plan that it
    carries out was made with `options`.
    """

    name: str
    before: tuple[Edit, ...]
    after: Edit
    meanwhile: Callable[[Sql], None] = nobody_interferes
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ("apply", "plan.json")
    places: tuple[str, ...] = (DIRECTORY,)


# What an apply has brought about.


def library(draft: Draft) -> None:
    """Declare a speaker with a picture, two collections and three lectures."""
    draft.media |= {"ali.jpg": b"a portrait", "quran.jpg": b"a cover"}
    draft.speaker("ali", name="Ali", bio="Recites.", image="ali.jpg")
    draft.collection("ali/quran", title="Quran", cover="quran.jpg", categories=["quran"])
    draft.collection("ali/tafsir", title="Tafsir")
    draft.lecture("ali/quran/opening", title="The Opening", number=1)
    draft.lecture("ali/quran/cow", title="The Cow", number=2)
    draft.lecture("ali/tafsir/first", title="First Lesson", number=1)


def spelled(draft: Draft) -> None:
    """Declare a lecture whose title is composed, and whose file's name is not."""
    draft.speaker("ali", name="Ali")
    draft.collection("ali/quran", title="Quran")
    draft.lecture("ali/quran/ikhlas", title=NFD, number=112, audio=f"{NFD}.mp3", content=b"from a Mac")


def recorded_again(draft: Draft) -> None:
    """Record a lecture again, and take a new picture: two objects are retired."""
    draft.media |= {"opening.mp3": b"the opening, recorded again", "quran.jpg": b"another cover"}


def torn_upload(draft: Draft) -> None:
    """Add two lectures, of which one cannot be stored: the other's object is left over."""
    draft.lecture("ali/quran/family", title="The Family", number=3)
    draft.lecture("ali/quran/table", title="The Table", number=5)
    draft.torn.add("table.mp3")


# What is changed then.


def without_the_torn(draft: Draft) -> None:
    draft.drop("ali/quran/family")
    draft.drop("ali/quran/table")


def renamed(draft: Draft) -> None:
    draft.speakers["ali"]["name"] = "Ali the Reciter"
    draft.collections["ali/tafsir"]["title"] = "Explanations"
    draft.lectures["ali/quran/opening"]["title"] = "Al-Fatiha"


def moved(draft: Draft) -> None:
    draft.move("ali/quran/cow", "ali/tafsir/cow")
    draft.move("ali/tafsir/first", "ali/quran/first")
    draft.lectures["ali/quran/first"]["number"] = 3


def swapped(draft: Draft) -> None:
    draft.collections["ali/quran"]["title"] = "Tafsir"
    draft.collections["ali/tafsir"]["title"] = "Quran"
    draft.lectures["ali/quran/opening"]["title"] = "The Cow"
    draft.lectures["ali/quran/cow"]["title"] = "The Opening"


def exchanged(draft: Draft) -> None:
    """Exchange the names and numbers of two lectures: each plays from where the other did."""
    opening, cow = draft.lectures["ali/quran/opening"], draft.lectures["ali/quran/cow"]
    for field in ("number", "title"):
        opening[field], cow[field] = cow[field], opening[field]


def exchanged_and_recorded_again(draft: Draft) -> None:
    exchanged(draft)
    recorded_again(draft)


def nothing(draft: Draft) -> None:
    """Leave the catalog as it is."""


def deleted(draft: Draft) -> None:
    draft.drop("ali/tafsir")
    draft.drop("ali/quran/cow")


def retitled_and_recorded_again(draft: Draft) -> None:
    renamed(draft)
    recorded_again(draft)
    draft.lectures["ali/tafsir/first"]["title"] = "Lesson One"
    draft.media["first.mp3"] = b"the first lesson, recorded again"


def spelled_again(draft: Draft) -> None:
    draft.media[f"{NFD}.mp3"] = b"recorded again on the same Mac"
    draft.lectures["ali/quran/ikhlas"]["title"] = NFC
    draft.lecture("ali/quran/second", title=f"{NFC}, explained", number=113)


def everything_at_once(draft: Draft) -> None:
    draft.drop("ali/tafsir/first")
    draft.move("ali/quran/cow", "ali/tafsir/cow")
    recorded_again(draft)
    draft.speakers["ali"]["bio"] = None
    draft.lecture("ali/quran/family", title="The Family", number=3)


def one_large(draft: Draft) -> None:
    draft.media["opening.mp3"] = b"\1" * PART_BYTES + b"and a second part"


def everything_back(draft: Draft) -> None:
    """Take the catalog back, as one does in git after a rollback."""
    draft.drop("ali")
    library(draft)


def _allowing(user_rows: int) -> tuple[str, ...]:
    return ("--allow", "deletes=9", "--allow", f"user-rows={user_rows}")


_ROLLBACK = ("rollback", "2", "--auto-approve")
_UNREVIEWED = ("apply", "--auto-approve")
_BOTH = (DIRECTORY, SERVER)

#: Eight user rows hang off each lecture: of two users, in four tables.
SCENARIOS = (
    Scenario("creates", (), library, command=_UNREVIEWED, places=_BOTH),
    Scenario("content changes", (library,), recorded_again),
    Scenario("renames", (library,), renamed, command=_UNREVIEWED),
    Scenario("moves", (library,), moved),
    Scenario("swapped titles", (library,), swapped),
    Scenario("exchanged lectures", (library,), exchanged, places=_BOTH),
    Scenario("exchanged and recorded again", (library,), exchanged_and_recorded_again),
    Scenario("deletes", (library,), deleted, options=_allowing(16)),
    Scenario("retitled and recorded again", (library,), retitled_and_recorded_again),
    Scenario("two spellings", (spelled,), spelled_again, respelled),
    Scenario("everything at once", (library,), everything_at_once, options=_allowing(8), places=_BOTH),
    Scenario("a large file", (library,), one_large, places=(SERVER,)),
    Scenario(
        "gc",
        (library, recorded_again, torn_upload),
        without_the_torn,
        two_months,
        command=("gc",),
        places=_BOTH,
    ),
    Scenario("gc after an exchange", (library, exchanged), nothing, two_months, command=("gc",)),
    Scenario("rollback", (library, deleted), everything_back, command=_ROLLBACK),
    Scenario("rollback of a rename", (library, renamed), everything_back, command=_ROLLBACK),
    Scenario("rollback of a recording", (library, recorded_again), everything_back, command=_ROLLBACK),
    Scenario("rollback of an exchange", (library, exchanged), everything_back, command=_ROLLBACK),
)
