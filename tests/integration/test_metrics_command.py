"""`elmify metrics`: to stdout, or as one whole file."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.inside import InsideProject, inside_project


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> InsideProject:
    return inside_project(tmp_path, database_url)


def test_metrics_are_printed_or_written_as_one_whole_file(project: InsideProject) -> None:
    project.apply()

    printed = project.elmify("metrics").out
    written = project.elmify("metrics", "--textfile", "collector/elmify.prom")

    file = project.root / "collector" / "elmify.prom"
    names = [family.name for family in text_string_to_metric_families(printed)]
    assert {"elmify_lectures_playing", "elmify_pending_aliases"} <= {*names}
    assert [family.name for family in text_string_to_metric_families(file.read_text("utf-8"))] == names
    assert written.out == ""
    assert [each.name for each in file.parent.iterdir()] == ["elmify.prom"]
    assert file.stat().st_mode & 0o044  # who collects it is another user


def test_a_store_that_does_not_answer_leaves_the_last_file_as_it_was(project: InsideProject) -> None:
    file = project.root / "elmify.prom"
    file.write_text("elmify_lectures 1.0\n", "utf-8")
    project.apply()
    (project.root / ".elmify" / "bucket" / "objects" / ".elmify" / "identity.json").unlink()

    project.elmify("metrics", "--textfile", "elmify.prom", status=1)

    assert file.read_text("utf-8") == "elmify_lectures 1.0\n"


def test_a_file_that_cannot_be_written_is_a_failure_that_names_it(project: InsideProject) -> None:
    project.apply()

    failed = project.elmify("metrics", "--textfile", "elmify.yaml/x", status=1)

    assert failed.err.startswith("error")
    assert "elmify.yaml/x" in failed.err
