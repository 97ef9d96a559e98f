"""What a shallow verify asks of the stores does not grow with the library."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests import postgres
from tests.buckets import bucket_at
from tests.content import database_at
from tests.servers import make_bucket, moto_server
from tests.stand import Stand
from tests.verifying import verify

Cost = tuple[Counter[str], int]


def cost_of(folder: Path, server: str, url: str, lectures: int) -> Cost:
    """Apply a library of that many lectures, and return what verifying it takes."""
    stand, bucket = Stand(folder, url), make_bucket(server)
    stand.declare("ali")
    stand.declare("ali/quran")
    for number in range(lectures):
        stand.declare(f"ali/quran/lecture-{number}", number=number)
    requests: list[str] = []
    statements: list[str] = []
    with closing(bucket_at(server, bucket)) as objects:
        stand.objects = objects
        stand.apply()
    with (
        closing(bucket_at(server, bucket, on_request=requests.append)) as objects,
        closing(database_at(url, statements.append)) as database,
    ):
        found = verify(stand, objects=objects, database=database)
    assert (found.wrong, found.truth[True, True, True]) == (0, lectures)
    return Counter(requests), len(statements)


def test_a_shallow_verify_lists_once_and_asks_as_much_of_many_lectures_as_of_few(
    postgres_server: str, production_template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with moto_server() as server:
        costs: list[Cost] = []
        for lectures in (2, 40):
            with postgres.clone(postgres_server, production_template) as url:
                costs.append(cost_of(tmp_path_factory.mktemp("cost"), server, url, lectures))

    (small, few), (large, many) = costs
    assert small == large == {"ListObjectsV2": 1, "GetObject": 1, "ListMultipartUploads": 1}
    assert few == many < 30
