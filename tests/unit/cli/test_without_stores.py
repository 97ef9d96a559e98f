"""Commands that open no store ask nobody for credentials: a fork has none."""

import re
from pathlib import Path

import pytest

from reconciler.cli import run
from reconciler.model.errors import Exit

REMOTE = "environment: test\nobjects: {store: r2}\ndatabase: {store: postgresql}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose stores are on the network, and nobody has said where; it is the working one."""
    monkeypatch.setenv("ELMIFY_CACHE", "off")
    monkeypatch.setenv("R2_BUCKET_NAME", "library")  # half set on top of it
    for name in ("DATABASE_URL", "DATABASE_UNPOOLED_URL", "R2_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "catalog" / "ali").mkdir(parents=True)
    (tmp_path / "elmify.yaml").write_text(REMOTE)
    (tmp_path / "catalog" / "ali" / "speaker.yaml").write_text("speaker: ali\nname: Ali\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", [["lock"], ["fmt"], ["schema"]])
def test_what_opens_no_store_needs_no_credentials(project: Path, arguments: list[str]) -> None:
    assert run(arguments) == Exit.OK
    assert project.exists()


def test_a_locked_catalog_is_valid_without_credentials(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lock"]) == Exit.OK

    assert run(["validate"]) == Exit.OK

    assert re.findall(r"\d+", capsys.readouterr().out.splitlines()[-1])[:1] == ["1"]
    assert project.exists()


@pytest.mark.parametrize("arguments", [["plan"], ["apply", "--auto-approve"], ["runs"]])
def test_what_opens_a_store_names_what_is_missing(
    project: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == Exit.ERROR

    assert "EL006" in capsys.readouterr().err
    assert not (project / ".elmify").exists()
