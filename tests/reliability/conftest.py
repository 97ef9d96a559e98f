from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxies import WHOLE_PAGE_KEYS, proxy
from tests.reliability.runner import Launcher, launcher
from tests.reliability.trials import Theatre
from tests.servers import ministack_server


@pytest.fixture(scope="session")
def forks() -> Iterator[Launcher]:
    """What runs elmify in processes that may die."""
    with launcher() as forks:
        yield forks


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that holds copies to R2's conditions."""
    with (
        ministack_server(tmp_path_factory.mktemp("ministack")) as url,
        proxy(url, page_keys=WHOLE_PAGE_KEYS, conditional_copies=True) as between,
    ):
        yield between.url


@pytest.fixture
def theatre(
    forks: Launcher, s3_url: str, postgres_server: str, production_template: str, tmp_path: Path
) -> Theatre:
    return Theatre(forks, postgres_server, production_template, s3_url, tmp_path)
