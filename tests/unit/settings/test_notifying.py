"""Whom to tell what: the variable holds the URLs, elmify.yaml says of what they hear."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.model.errors import InvalidInput
from reconciler.model.notifications import NotificationKind
from reconciler.settings import Secret, load_settings
from reconciler.settings.values import NotifySettings, Settings


def load(root: Path, section: str = "", environ: Mapping[str, str] | None = None) -> Settings:
    (root / "elmify.yaml").write_text(f"environment: live\n{section}", encoding="utf-8")
    return load_settings(root, environ or {})


def test_without_a_variable_nobody_is_told(tmp_path: Path) -> None:
    assert load(tmp_path).notify == NotifySettings()
    assert load(tmp_path, environ={"ELMIFY_NOTIFY_URLS": "  "}).notify.urls == ()


def test_the_variable_alone_tells_whom_and_of_everything(tmp_path: Path) -> None:
    found = load(tmp_path, environ={"ELMIFY_NOTIFY_URLS": "slack://a/b/c"}).notify

    assert found.urls == (Secret("slack://a/b/c"),)
    assert found.on == frozenset(NotificationKind)


@pytest.mark.parametrize("between", [" ", "\n", ", ", ",", "\n  "])
def test_urls_are_parted_by_white_space_or_commas(tmp_path: Path, between: str) -> None:
    urls = ("slack://a/b/c", "mailto://me@example.org?to=a@example.org,b@example.org", "json://host")

    found = load(tmp_path, environ={"ELMIFY_NOTIFY_URLS": between.join(urls)}).notify

    assert found.urls == tuple(map(Secret, urls))


def test_elmify_yaml_names_another_variable_and_what_to_hear_of(tmp_path: Path) -> None:
    section = "notify:\n  urls_from: TEAM_URLS\n  on: [drift, lease-taken-over]\n"

    found = load(tmp_path, section, {"TEAM_URLS": "json://a", "ELMIFY_NOTIFY_URLS": "json://b"}).notify

    assert found.urls == (Secret("json://a"),)
    assert found.on == {NotificationKind.DRIFT, NotificationKind.TAKEOVER}
    assert load(tmp_path, "notify: {on: []}\n").notify.on == frozenset()


def test_every_occasion_can_be_named(tmp_path: Path) -> None:
    names = ", ".join(NotificationKind)

    assert load(tmp_path, f"notify: {{on: [{names}]}}\n").notify.on == frozenset(NotificationKind)


@pytest.mark.parametrize(
    "section",
    ["notify: {on: [dirft]}\n", "notify: {urls: [json://a]}\n", "notify: {urls_from: 'json://u:p@host'}\n"],
)
def test_what_is_no_setting_is_a_mistake(tmp_path: Path, section: str) -> None:
    with pytest.raises(InvalidInput):
        load(tmp_path, section)


def test_the_secrets_of_a_project_are_known_to_be_hidden(tmp_path: Path) -> None:
    environ = {
        "R2_ENDPOINT": "https://abc.r2.cloudflarestorage.com",
        "R2_ACCESS_KEY_ID": "id",
        "R2_SECRET_ACCESS_KEY": "bucket-secret",
        "R2_BUCKET_NAME": "audio",
        "DATABASE_URL": "postgresql://user:pa55@db.example.org:5432/app",
        "ELMIFY_NOTIFY_URLS": "json://token@host",
    }

    hidden = {secret.reveal() for secret in load(tmp_path, environ=environ).secrets}

    assert hidden == {environ["DATABASE_URL"], "bucket-secret", "json://token@host"}
    assert load(tmp_path).secrets == ()
