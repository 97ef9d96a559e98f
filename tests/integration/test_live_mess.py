"""The live system of the tests has every sort of mess that a first run meets."""

from pathlib import Path

from reconciler.model.values import nfc
from tests.live.project import live_project
from tests.live.seen import FirstDay
from tests.live.system import query

pytest_plugins = ["tests.live.fixtures"]

SORTS = (
    "lectures where file_path like '%/100 - %' and lecture_number = 11",
    "lectures where file_format = 'mp3'",
    "lectures where file_format = 'audio/mpeg'",
    "lectures where file_size = 0",
    "lectures where audio_url is null",
    "lectures where audio_url like 'https://audio-2024.example.net/%'",
    "lectures where audio_url like 'https://cdn.example.com/%'",
    "lectures where title like '% '",
    "lectures where title is not nfc normalized",
    "lectures where file_path is not nfc normalized",
    "lectures where title like '15 %' and file_path like '%/15 - 15 %'",
    "lectures where speaker_id is null and collection_id is not null",
    "lectures where collection_id is null and speaker_id is not null",
    "lectures where file_path like '%ﷺ%'",
    "lectures where file_path like '%''%'",
    "lectures where file_path like '%’%'",
    "lectures where file_path like '%&%'",
    "lectures where file_path like '%آل عمران%'",
    "lectures where file_path like 'speakers/%/collections/%/lectures/%'",
    "lectures a join lectures b on a.file_path = b.file_path and a.title = b.title and a.id < b.id",
    "lectures a, lectures b where a.title <> b.title and normalize(a.title) = normalize(b.title)",
    "lectures a join lectures b on a.file_path = b.file_path and a.collection_id <> b.collection_id",
    "speakers where name like '% '",
    "speakers where name is not nfc normalized",
    "speakers where image_url is null",
    "speakers where image_url like 'https://cdn.example.com/%'",
    "speakers where image_url not like 'https:%'",
    "collections where title like '%  ' and title is not nfc normalized",
    "collections where cover_image_url is null",
    "collections where cover_image_url like 'https://audio-2024.example.net/%'",
    "collections where cover_image_url not like 'https:%'",
)


def test_it_has_the_size_of_production(first_day: FirstDay) -> None:
    content = first_day.found.content

    assert {table: len(rows) for table, rows in content.items()} == {
        "speakers": 8,
        "collections": 12,
        "lectures": 467,
    }
    assert len(first_day.found.bucket) == 532
    assert all(len(rows) >= 40 for rows in first_day.found.users.values())


def test_no_duration_is_known(first_day: FirstDay) -> None:
    assert {row["duration"] for row in first_day.found.content["lectures"].values()} == {0}


def test_its_rows_have_every_sort_of_mess(database_url: str, tmp_path: Path) -> None:
    live_project(tmp_path, database_url)

    absent = [sort for sort in SORTS if not query(database_url, f"select 1 from {sort} limit 1")]

    assert absent == []


def test_its_bucket_has_every_sort_of_mess(first_day: FirstDay) -> None:
    keys = {key for key, _, _ in first_day.found.bucket}
    named = {nfc(str(row["file_path"])) for row in first_day.found.content["lectures"].values()}

    assert any(key != nfc(key) for key in keys)
    assert any("-" in etag for _, _, etag in first_day.found.bucket)
    assert {"Idris & Sons/speaker.jpg", "Idris & Sons/speaker.png"} <= keys
    assert {"intro.mp3", "Yusuf of Karim/loose talk.mp3", "backup//old.mp3"} <= keys - named
    assert named - {nfc(key) for key in keys}
