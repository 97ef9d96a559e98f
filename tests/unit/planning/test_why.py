"""Why a lecture plays, or does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.errors import UsageError
from reconciler.model.explanation import (
    Bytes,
    Explanation,
    Fault,
    LectureAccount,
    Online,
    PublicAnswer,
    WayAccount,
)
from reconciler.model.playback import DEFAULT_WAYS, PendingAlias, RequestForm, Way
from reconciler.model.policy import Policy
from reconciler.model.recorded import KeyState
from reconciler.planning.playback import Route
from reconciler.planning.subjects import find_subject
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.verify import verified
from reconciler.planning.why import Beside, explain, url_of_way
from reconciler.planning.world import World
from tests.unit.planning.worlds import (
    CDN,
    NOW,
    POLICY,
    catalog,
    collection,
    collection_row,
    edited,
    key,
    lecture,
    lecture_row,
    live,
    row_of,
    sha256,
    speaker,
    speaker_row,
    stored,
    with_keys,
    with_objects,
    with_rows,
    without_objects,
    without_rows,
    world,
)

ADDRESS = "sufi/quran/one"
KEY = "Sufi/Quran/01 - One.mp3"
OTHER = "Sufi/Quran/02 - Two.mp3"


def library(*, policy: Policy = POLICY, title: str = "One") -> World:
    """Return an applied library of two lectures; the first is `ADDRESS`, under `KEY`."""
    declared = catalog(
        speaker("sufi"),
        collection("sufi/quran"),
        lecture(ADDRESS, title=title, number=1),
        lecture("sufi/quran/two", title="Two", number=2),
    )
    return live(declared, policy=policy)


def explained(found: World, asked: str = ADDRESS, beside: Beside | None = None) -> Explanation:
    context = VerifyContext(found, Surroundings())
    return explain(context, verified(context).findings, find_subject(context, asked), beside or Beside())


def account(found: World, asked: str = ADDRESS) -> LectureAccount:
    (lecture,) = explained(found, asked).lectures
    return lecture


def way(found: World, name: str = "stream", asked: str = ADDRESS) -> WayAccount:
    return next(each for each in account(found, asked).ways if each.way == name)


def remedies(found: World, asked: str = ADDRESS) -> list[str]:
    return [remedy.kind for remedy in account(found, asked).remedies]


# What plays.


def test_a_lecture_that_plays_needs_nothing() -> None:
    found = account(library())

    assert found.plays
    assert [each.way for each in found.ways] == ["stream", "playlist", "link"]
    assert {(each.key, each.fault, each.bytes) for each in found.ways} == {(KEY, None, Bytes.OWN)}
    assert found.remedies == ()
    assert explained(library()).plays


def test_each_side_is_told() -> None:
    found = account(library())

    assert found.row == row_of(library(), ADDRESS)
    assert found.names == {"speakers.name": "Sufi", "collections.title": "Quran"}
    assert found.declared is not None
    assert found.declared.fields == {"speaker": "Sufi", "collection": "Quran", "title": "One", "number": 1}
    assert found.declared.sha256 == sha256(f"{ADDRESS}.mp3")
    standing = found.ways[0].found
    assert standing is not None
    assert (standing.size_bytes, standing.sha256) == (len(f"{ADDRESS}.mp3"), sha256(f"{ADDRESS}.mp3"))


# What does not.


def test_an_object_that_is_gone() -> None:
    found = without_objects(library(), KEY)

    assert (way(found).fault, way(found, "playlist").fault) == (Fault.MISSING, Fault.MISSING)
    assert not explained(found).plays
    assert remedies(found)


def test_an_object_of_zero_bytes() -> None:
    found = with_objects(library(), stored(KEY, ""))

    assert (way(found).fault, way(found).bytes) == (Fault.EMPTY, Bytes.OTHER)
    assert not account(found).plays
    assert remedies(found)


def test_a_number_that_leads_to_another_lecture() -> None:
    library_ = library()
    found = with_rows(library_, edited(row_of(library_, ADDRESS), lecture_number=2, title="Two"))

    assert way(found).fault is Fault.ANOTHERS
    assert (way(found).key, way(found).bytes, way(found).of) == (OTHER, Bytes.ANOTHERS, ("sufi/quran/two",))
    assert way(found, "playlist").fault is None
    assert not account(found).plays


def test_a_wrong_number_that_the_catalog_does_not_have_is_corrected_by_an_apply() -> None:
    library_ = library()
    found = with_rows(library_, edited(row_of(library_, ADDRESS), lecture_number=7))

    assert (way(found).key, way(found).fault) == ("Sufi/Quran/07 - One.mp3", Fault.MISSING)
    assert "apply" in remedies(found)


def test_a_wrong_number_that_the_catalog_has_too_is_corrected_by_a_person() -> None:
    library_ = library()
    wrong = with_rows(library_, edited(row_of(library_, ADDRESS), lecture_number=7))
    found = replace(
        wrong,
        catalog=catalog(
            speaker("sufi"),
            collection("sufi/quran"),
            lecture(ADDRESS, title="One", number=7),
            lecture("sufi/quran/two", title="Two", number=2),
        ),
    )

    assert way(found).fault is Fault.MISSING
    assert "sentence" in remedies(found)


def test_a_name_that_the_request_cuts() -> None:
    library_ = library()
    row = edited(row_of(library_, ADDRESS), title="One? Yes")
    found = with_rows(with_objects(library_, stored("Sufi/Quran/01 - One? Yes.mp3", f"{ADDRESS}.mp3")), row)

    assert way(found).raw == "Sufi/Quran/01 - One? Yes.mp3"
    assert (way(found).key, way(found).fault) == ("Sufi/Quran/01 - One", Fault.CUT)
    assert way(found, "playlist").fault is None


def test_a_column_without_a_value_leads_to_no_key() -> None:
    library_ = library()
    found = with_rows(library_, edited(row_of(library_, ADDRESS), audio_url=None))

    assert (way(found, "link").fault, way(found, "link").key) == (Fault.NO_KEY, None)
    assert account(found).plays  # the way is only reported


def test_other_bytes_of_nobody() -> None:
    found = with_objects(library(), stored(KEY, "something else"))

    for name in ("stream", "playlist"):
        assert (way(found, name).bytes, way(found, name).fault) == (Bytes.OTHER, Fault.ANOTHERS)
    assert "apply" in remedies(found)


def test_bytes_that_nobody_has_hashed_are_unknown() -> None:
    found = world(
        rows=[
            speaker_row(1, "Sufi"),
            collection_row(11, 1, "Quran"),
            lecture_row(412, "One", "old/one.mp3", speaker_id=1, collection_id=11, lecture_number=1),
        ],
        objects=[stored("old/one.mp3", "1234", etag="a"), stored(KEY, "5678", etag="b")],
    )

    assert (way(found, asked="412").bytes, way(found, asked="412").fault) == (Bytes.UNKNOWN, None)


def test_a_row_that_nobody_declares_is_told_under_its_own_name() -> None:
    found = world(
        rows=[
            speaker_row(1, "Sufi"),
            collection_row(11, 1, "Quran"),
            lecture_row(412, "One", KEY, speaker_id=1, collection_id=11, lecture_number=11),
        ],
        objects=[stored(KEY)],
    )

    for asked in ("412", "lectures[412]", "unmanaged.lectures[412]"):
        told = account(found, asked)
        assert (told.name, told.declared, told.plays) == ("unmanaged.lectures[412]", None, False)
        assert told.remedies


def test_a_declared_lecture_without_a_row_is_found_by_no_app() -> None:
    library_ = library()
    found = without_rows(library_, row_of(library_, ADDRESS))

    assert (account(found).row, account(found).ways, account(found).plays) == (None, (), False)
    assert "apply" in remedies(found)
    assert account(found, str(row_of(library_, ADDRESS).id)).name == ADDRESS


def test_a_pending_alias_plays_what_it_played_and_is_finished_by_an_apply() -> None:
    new = "Sufi/Quran/01 - One~12345678.mp3"
    library_ = library()
    row = edited(row_of(library_, ADDRESS), file_path=new, file_size=3, file_hash=sha256("new"))
    found = with_keys(
        with_rows(with_objects(library_, stored(new, "new")), row), key(new, content="new", address=ADDRESS)
    )
    alias = PendingAlias(key=KEY, source=new, size_bytes=3, replaces="x", run=7)
    found = replace(found, recorded=replace(found.recorded, aliases={KEY: alias}))

    assert (way(found).pending, way(found).bytes, way(found).fault) == (alias, Bytes.OTHER, None)
    assert account(found).plays
    assert remedies(found) == ["apply"]


@pytest.mark.parametrize(
    ("answer", "plays", "kinds"),
    [
        (PublicAnswer(status=200, size_bytes=len(f"{ADDRESS}.mp3")), True, []),
        (PublicAnswer(status=200, size_bytes=1), True, ["sentence"]),
        (PublicAnswer(status=404), False, ["sentence"]),
        (PublicAnswer(status=None), False, ["sentence"]),
    ],
)
def test_a_cdn_that_does_not_give_what_the_bucket_has(
    answer: PublicAnswer, plays: bool, kinds: list[str]
) -> None:
    url = f"{CDN}/Sufi/Quran/01%20-%20One.mp3"
    found = explained(library(), beside=Beside(online=Online.ASKED, answers={url: answer}))

    assert (found.plays, found.lectures[0].ways[0].fault) == (plays, None)
    assert [remedy.kind for remedy in found.lectures[0].remedies] == kinds


# Keys.


@pytest.mark.parametrize(
    "asked", [KEY, f"unmanaged.object[{KEY}]", f"{CDN}/Sufi/Quran/01%20-%20One.mp3?v=3", f"{CDN}/{KEY}"]
)
def test_a_key_or_url_tells_what_finds_it(asked: str) -> None:
    found = explained(library(), asked)

    assert found.key is not None
    assert found.key.key == KEY
    assert [(naming.name, naming.by[:2]) for naming in found.key.named_by] == [
        (ADDRESS, ("way stream", "way playlist"))
    ]
    assert found.key.record is not None
    assert found.key.record.state is KeyState.LIVE
    assert [lecture.name for lecture in found.lectures] == [ADDRESS]


def test_a_url_below_a_base_with_a_path_is_a_key() -> None:
    policy = replace(POLICY, layout=replace(POLICY.layout, base_url=f"{CDN}/audio"))

    assert (
        find_subject(
            VerifyContext(library(policy=policy), Surroundings()), f"{CDN}/audio/Sufi/Quran/01%20-%20One.mp3"
        ).key
        == KEY
    )


@pytest.mark.parametrize(
    ("state", "since", "kinds"),
    [
        (KeyState.RETIRED, timedelta(days=1), []),
        (KeyState.RETIRED, timedelta(days=31), ["gc"]),
        (KeyState.CONDEMNED, timedelta(days=1), ["gc"]),
        (KeyState.INTENDED, timedelta(days=1), ["apply"]),
        (KeyState.DELETED, timedelta(days=1), []),
    ],
)
def test_a_key_that_nothing_finds_any_more(state: KeyState, since: timedelta, kinds: list[str]) -> None:
    found = with_keys(library(), key("old.mp3", state, changed_at=NOW - since))

    told = explained(found, "old.mp3").key
    assert told is not None
    assert (told.named_by, told.found) == ((), None)
    assert [remedy.kind for remedy in told.remedies] == kinds
    assert (told.expires_at is not None) is (state is KeyState.RETIRED)


def test_an_object_of_nobody_is_told_with_what_to_do() -> None:
    told = explained(with_objects(library(), stored("stray.mp3")), "stray.mp3")

    assert told.key is not None
    assert [problem.code for problem in told.key.problems] == ["object-without-row"]
    assert told.key.remedies


def test_a_key_that_is_found_and_where_nothing_stands_does_not_play() -> None:
    found = explained(without_objects(library(), KEY), KEY)

    assert found.key is not None
    assert found.key.found is None
    assert not found.plays


# Names.


@pytest.mark.parametrize(
    ("asked", "code", "near"),
    [
        ("one", "unknown-name", ADDRESS),
        ("sufi/quran/onee", "unknown-name", ADDRESS),
        ("Sufi/Quran/01 - Onne.mp3", "unknown-name", KEY),
        ("999", "unknown-name", ""),
        ("nothing like it at all", "unknown-name", ""),
        ("sufi/quran", "not-a-lecture", ""),
    ],
)
def test_a_name_that_nothing_has_is_refused_with_those_that_look_alike(
    asked: str, code: str, near: str
) -> None:
    with pytest.raises(UsageError) as refused:
        explained(library(), asked)

    assert refused.value.code == code
    assert near in refused.value.hint


# URLs.


@pytest.mark.parametrize(
    ("request_form", "url"),
    [
        (RequestForm.RAW, f"{CDN}/a b/50% é?.mp3"),
        (RequestForm.ENCODE_URI, f"{CDN}/a%20b/50%25%20%C3%A9?.mp3"),
        (RequestForm.ENCODED, f"{CDN}/a%20b/50%25%20%C3%A9%3F.mp3"),
    ],
)
def test_an_app_asks_for_a_url(request_form: RequestForm, url: str) -> None:
    asked = Way(name="way", column="file_path", request=request_form)

    assert url_of_way(asked, Route("a b", "a b/50% é?.mp3"), CDN) == url
    assert url_of_way(replace(asked, base_url=CDN), Route("a b", "a b/50% é?.mp3"), None) == url
    assert url_of_way(asked, Route("a b", "a b"), None) is None
    assert url_of_way(asked, Route(), CDN) is None
    for held in ("https://x.test/a b", "http://[::1"):
        assert url_of_way(asked, Route("a", held), CDN) == held


def test_the_ways_are_those_of_the_policy() -> None:
    policy = replace(POLICY, playback=(DEFAULT_WAYS[1],))

    assert [each.way for each in account(library(policy=policy)).ways] == ["playlist"]
