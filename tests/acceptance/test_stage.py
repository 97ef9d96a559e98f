"""Bytes before the merge: a contributor stages, CI checks and applies without media."""

import shutil
from dataclasses import replace

import pytest

from providers.objects.etag import ContentDigest
from tests.acceptance.projects import Project
from tests.buckets import bucket_at
from tests.servers import make_bucket

PART_BYTES = 5 * 1024**2  # the least that an S3 server takes
LONG = b"a long recording " * 700_000


@pytest.fixture
def staging(team: Project, s3_url: str) -> Project:
    """The team's project, with a staging bucket."""
    team.environ["R2_STAGING_BUCKET"] = make_bucket(s3_url)
    return team


def contributor(project: Project) -> Project:
    """Somebody who has keys to the buckets alone."""
    environ = {name: value for name, value in project.environ.items() if name != "DATABASE_URL"}
    return replace(project, environ=environ)


def lose_media(project: Project) -> None:
    shutil.rmtree(project.root / "media")


def keys_in(project: Project, variable: str) -> list[str]:
    store = bucket_at(project.environ["R2_ENDPOINT"], project.environ[variable])
    try:
        return [stored.key for stored in store.list()]
    finally:
        store.close()


def test_what_a_contributor_staged_is_applied_where_no_media_is(staging: Project) -> None:
    staged = contributor(staging).elmify("stage", "--format", "json").json
    assert [(file["path"], file["where"]) for file in staged["files"]] == [("opening.mp3", "newly-staged")]
    sha256 = staging.media["opening.mp3"].sha256
    assert keys_in(staging, "R2_STAGING_BUCKET") == [f"staged/{sha256}"]
    lose_media(staging)

    checked = staging.elmify("stage", "--check", "--format", "json").json
    assert [file["where"] for file in checked["files"]] == ["staged"]
    assert '"staged"' in staging.elmify("plan", "--format", "json").out
    applied = staging.apply("--format", "json")

    assert applied.events[-1]["copied_bytes"] == len(b"opening")
    assert "Ali/Quran/01 - The Opening.mp3" in keys_in(staging, "R2_BUCKET_NAME")
    assert staging.nothing_to_do()
    assert staging.elmify("stage", "--check", "--format", "json").json["files"] == []


def test_a_plan_made_with_media_is_applied_without(staging: Project) -> None:
    staging.elmify("plan", "--out", "plan.json")
    contributor(staging).elmify("stage")
    lose_media(staging)

    staging.elmify("apply", "plan.json")

    assert staging.nothing_to_do()


def test_a_check_names_what_is_missing(staging: Project) -> None:
    lose_media(staging)

    for project in (staging, contributor(staging)):
        ran = project.elmify("stage", "--check", status=1)
        assert '! "opening.mp3"' in ran.out
        assert "elmify stage" in ran.out

    document = staging.elmify("stage", "--check", "--format", "json", status=1).json
    assert [(file["path"], file["where"]) for file in document["files"]] == [("opening.mp3", "missing")]
    assert document["counts"]["missing"] == 1


def test_what_is_on_disk_is_enough_for_a_check_and_nothing_is_put(staging: Project) -> None:
    ran = staging.elmify("stage", "--check", "--format", "json")

    assert [file["where"] for file in ran.json["files"]] == ["on-disk"]
    assert keys_in(staging, "R2_STAGING_BUCKET") == []


def test_a_second_stage_sends_nothing_again(staging: Project) -> None:
    staging.elmify("stage")

    assert [f["where"] for f in staging.elmify("stage", "--format", "json").json["files"]] == ["staged"]


def test_a_public_bucket_keeps_nothing_that_was_not_reviewed(team: Project) -> None:
    ran = team.elmify("stage", status=64)

    assert "R2_STAGING_BUCKET" in ran.err
    assert keys_in(team, "R2_BUCKET_NAME") == []


def test_a_prefix_that_is_said_to_be_private_and_is_not_keeps_nothing(team: Project, s3_url: str) -> None:
    team.settings = "staging: {prefix_is_private: true}\n"
    team.write()
    settings = team.root / "elmify.yaml"
    public = f"{s3_url}/{team.environ['R2_BUCKET_NAME']}"
    settings.write_text(settings.read_text().replace("https://cdn.example.com", public))

    ran = team.elmify("stage", status=1)

    assert "error[staging-public]" in ran.err
    assert keys_in(team, "R2_BUCKET_NAME") == []


def test_a_directory_is_nobodys_to_read_and_stages_in_itself(project: Project) -> None:
    project.elmify("stage")
    lose_media(project)

    project.apply()

    assert project.nothing_to_do()


def test_a_large_file_is_copied_in_its_parts_and_known_by_them(staging: Project) -> None:
    staging.settings = "transfer: {single_put: 5 MiB, part_size: 5 MiB}\n"
    staging.lecture("long", number=2, content=LONG)
    parts = ContentDigest(PART_BYTES)
    parts.update(LONG)
    line = replace(staging.media["long.mp3"], part_bytes=PART_BYTES, parts_etag=parts.etag)
    staging.media["long.mp3"] = line
    staging.write()
    staging.elmify("stage")
    lose_media(staging)

    applied = staging.apply("--format", "json")

    assert applied.events[-1]["copied_bytes"] == len(b"opening") + len(LONG)
    store = bucket_at(staging.environ["R2_ENDPOINT"], staging.environ["R2_BUCKET_NAME"])
    (stored,) = [found for found in store.list("Ali/") if "Long" in found.key]
    store.close()
    assert stored.etag == line.parts_etag
    assert staging.nothing_to_do()
