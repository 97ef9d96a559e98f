"""The CDN: elmify.yaml names the zone, a variable holds the token."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.model.errors import InvalidInput
from reconciler.operations.project import open_project
from reconciler.operations.workspace import open_workspace
from reconciler.settings import CdnSettings, Secret, Settings, load_settings

ZONE = "0123456789abcdef0123456789abcdef"
STORES = "objects: {store: directory}\n"
ENVIRON = {"DATABASE_URL": "postgresql://tester@127.0.0.1:1/app", "ELMIFY_CDN_TOKEN": "t0ken"}


def write(root: Path, section: str) -> Path:
    (root / "elmify.yaml").write_text(f"environment: test\n{section}", encoding="utf-8")
    return root


def load(root: Path, section: str = "", environ: Mapping[str, str] | None = None) -> Settings:
    return load_settings(write(root, section), environ or {})


def test_without_a_zone_there_is_no_cdn(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={"ELMIFY_CDN_TOKEN": "t0ken"})

    assert loaded.cdn is None
    assert loaded.secrets == ()


def test_the_token_comes_from_the_variable_and_is_a_secret(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"cdn: {{zone: {ZONE}}}\n", {"ELMIFY_CDN_TOKEN": " t0ken\n"})

    assert loaded.cdn == CdnSettings(zone=ZONE, token=Secret("t0ken"))
    assert loaded.secrets == (Secret("t0ken"),)
    assert "t0ken" not in repr(loaded)


def test_elmify_yaml_names_another_variable(tmp_path: Path) -> None:
    section = f"cdn:\n  zone: {ZONE}\n  token_from: TEAM_CDN_TOKEN\n"

    found = load(tmp_path, section, {"TEAM_CDN_TOKEN": "theirs", "ELMIFY_CDN_TOKEN": "ours"}).cdn

    assert found == CdnSettings(zone=ZONE, token=Secret("theirs"), variable="TEAM_CDN_TOKEN")


@pytest.mark.parametrize("environ", [{}, {"ELMIFY_CDN_TOKEN": ""}, {"ELMIFY_CDN_TOKEN": " \n"}])
def test_a_token_that_is_not_set_is_none(tmp_path: Path, environ: Mapping[str, str]) -> None:
    loaded = load(tmp_path, f"cdn: {{zone: {ZONE}}}\n", environ)

    assert loaded.cdn == CdnSettings(zone=ZONE)
    assert loaded.secrets == ()


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("cdn: {token_from: TEAM_CDN_TOKEN}\n", None),
        ("cdn: {zone: cdn.example.com}\n", None),
        (f"cdn: {{zone: {ZONE}, tokn_from: A}}\n", None),
        (f"cdn: {{zone: {ZONE}, token: planted-token}}\n", "EL002"),
        (f"cdn: {{zone: {ZONE}, token_from: planted-token}}\n", "EL002"),
        (f"cdn: {{zone: {ZONE}, token_from: [planted-token]}}\n", "EL002"),
    ],
)
def test_what_is_no_setting_is_a_mistake_and_no_secret_is_shown(
    tmp_path: Path, section: str, code: str | None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, section)

    found = refused.value.diagnostics
    assert code is None or [each.code for each in found] == [code]
    assert "planted" not in "".join(f"{each.detail} {each.hint}" for each in found)


def test_a_workspace_has_the_cdn_of_its_settings(tmp_path: Path) -> None:
    for section, zones in ((f"cdn: {{zone: {ZONE}}}\n", 1), ("", 0)):
        project = open_project(write(tmp_path, STORES + section), ENVIRON)

        with open_workspace(project) as workspace:
            assert str(workspace.cdn).count(ZONE) == zones
            assert (workspace.cdn is None) == (zones == 0)
