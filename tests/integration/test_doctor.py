"""What doctor finds of a store by what the store is able to do."""

from contextlib import closing
from pathlib import Path

import pytest

from reconciler.model.ports import ObjectStore
from reconciler.operations.doctor import Health, examine
from tests.buckets import bucket_at
from tests.servers import HOST, free_port
from tests.stand import Stand


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    return Stand(tmp_path, database_url)


def copies_of(stand: Stand, objects: ObjectStore) -> tuple[Health, bool]:
    """Return what is found of a store's copies, and whether there is something to do."""
    found = examine(stand.workspace(objects=objects), read_only=True)
    (finding,) = [finding for finding in found if finding.check == "bucket copies"]
    return finding.health, bool(finding.hint)


def test_a_store_without_conditions_on_copies_is_warned_of(stand: Stand) -> None:
    url = f"http://{HOST}:{free_port()}"

    assert copies_of(stand, stand.objects) == (Health.OK, False)
    for conditional, expected in ((True, (Health.OK, False)), (False, (Health.WARNING, True))):
        with closing(bucket_at(url, "b", attempts=1, conditional_copies=conditional)) as bucket:
            assert copies_of(stand, bucket) == expected
