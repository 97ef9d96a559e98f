from pathlib import Path

import pytest

from tests.importing import ImportProject


@pytest.fixture
def project(tmp_path: Path) -> ImportProject:
    """A project without a catalog."""
    (tmp_path / "media").mkdir()
    return ImportProject(tmp_path)
