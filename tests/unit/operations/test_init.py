import json
from pathlib import Path

import pytest
import yaml

from reconciler.loading.catalog import load_catalog
from reconciler.loading.fmt import format_catalog_file
from reconciler.loading.lockfile import read_lockfile
from reconciler.loading.media import MediaFolder, check_media
from reconciler.loading.schema import catalog_schema
from reconciler.operations.init import init_project
from reconciler.settings import load_settings

SCHEMA = json.dumps(catalog_schema())


def test_a_new_project_is_valid_at_once(tmp_path: Path) -> None:
    init_project(tmp_path / "new", SCHEMA)

    settings = load_settings(tmp_path / "new", {})
    media, mistakes = read_lockfile(settings.lock_path, settings.root)
    loaded = load_catalog(
        settings.root,
        catalog_dir=settings.catalog_dir,
        lock_path=settings.lock_path,
        media=media,
        media_root=settings.media_root,
        layout=settings.policy.layout,
    )
    assert (mistakes, loaded.diagnostics) == ((), ())
    assert loaded.catalog is not None
    assert list(loaded.catalog.resources) == [
        "example-speaker",
        "example-speaker/first-steps",
        "example-speaker/first-steps/welcome",
    ]
    references = loaded.media_references()
    assert list(check_media(MediaFolder(settings.media_root), references, media)) == []


def test_what_is_commented_out_is_valid_too_and_is_the_default(tmp_path: Path) -> None:
    init_project(tmp_path, SCHEMA)
    plain = load_settings(tmp_path, {}).policy
    config = tmp_path / "elmify.yaml"
    lines = config.read_text("utf-8").split("#objects:")[0].splitlines()
    config.write_text("\n".join(line[1:] if line[:1] == "#" and line[1:2] != " " else line for line in lines))

    spelled_out = load_settings(tmp_path, {}).policy

    assert (spelled_out.guards, spelled_out.retention, spelled_out.transfer) == (
        plain.guards,
        plain.retention,
        plain.transfer,
    )
    assert spelled_out.layout.base_url == "https://cdn.example.com"


def test_the_example_is_in_its_canonical_form(tmp_path: Path) -> None:
    init_project(tmp_path, SCHEMA)

    for path in (tmp_path / "catalog").rglob("*.yaml"):
        assert not format_catalog_file(path.read_text("utf-8"), str(path)).differs


def test_editors_find_the_schema_that_the_files_name(tmp_path: Path) -> None:
    init_project(tmp_path, SCHEMA)

    for path in (tmp_path / "catalog").rglob("*.yaml"):
        name = path.read_text("utf-8").splitlines()[0].partition("$schema=")[2]
        assert json.loads((path.parent / name).read_text("utf-8")) == catalog_schema()


@pytest.mark.parametrize(
    ("name", "environment"), [("Our Library", "our-library"), ("٣", "my-library"), ("no", "my-library")]
)
def test_the_environment_is_named_for_the_folder(tmp_path: Path, name: str, environment: str) -> None:
    init_project(tmp_path / name, SCHEMA)

    assert yaml.safe_load((tmp_path / name / "elmify.yaml").read_text("utf-8")) == {
        "environment": environment
    }


def test_it_says_what_it_wrote(tmp_path: Path) -> None:
    done = init_project(tmp_path, SCHEMA)

    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(done.written) == there
    assert done.kept == ()


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "elmify.yaml").write_text("environment: mine\n")
    (tmp_path / ".gitignore").write_text("*.log\nplans/")

    done = init_project(tmp_path, SCHEMA)

    assert done.written == (".gitignore",)
    assert done.kept == ("elmify.yaml", "catalog/")
    assert (tmp_path / "elmify.yaml").read_text() == "environment: mine\n"
    assert (tmp_path / ".gitignore").read_text() == "*.log\nplans/\n.elmify/\nmedia/\n"
    assert not list((tmp_path / "catalog").iterdir())


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    init_project(tmp_path, SCHEMA)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    done = init_project(tmp_path, SCHEMA)

    assert done.written == ()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


R2 = {
    "R2_ENDPOINT": "https://account.r2.cloudflarestorage.com",
    "R2_ACCESS_KEY_ID": "id-of-a-key",
    "R2_SECRET_ACCESS_KEY": "a-secret",
    "R2_BUCKET_NAME": "elmify-audio",
}
DATABASE = {"DATABASE_URL": "postgresql://ada:a-password@db.example.net:5432/lectures"}


@pytest.mark.parametrize("jdbc", ["", "jdbc:"])
def test_with_real_stores_no_example_is_written_and_they_are_named_without_secrets(
    tmp_path: Path, jdbc: str
) -> None:
    environ = {**R2, "DATABASE_URL": f"{jdbc}{DATABASE['DATABASE_URL']}"}

    done = init_project(tmp_path, SCHEMA, environ)

    assert done.is_real
    assert "elmify-audio" in str(done.stores)
    assert "account.r2.cloudflarestorage.com" in str(done.stores)
    assert "db.example.net" in str(done.stores)
    assert not any(secret in str(done) for secret in ("a-secret", "a-password", "id-of-a-key"))
    assert list(tmp_path.rglob("*.yaml")) == [tmp_path / "elmify.yaml"]
    assert not (tmp_path / "media").exists()
    assert "catalog/.schema/catalog.schema.json" in done.written
    assert not (tmp_path / "catalog/elmify.lock").exists()
    again = init_project(tmp_path, SCHEMA, environ)
    assert (again.written, again.is_real) == ((), True)


@pytest.mark.parametrize(
    "environ", [R2, DATABASE, {"R2_BUCKET_NAME": "elmify-audio"}, {"DATABASE_URL": "mysql://x"}]
)
def test_with_half_of_the_variables_no_example_is_written_and_the_mistake_is_told(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    done = init_project(tmp_path, SCHEMA, environ)

    assert done.stores is None
    assert done.mistakes
    assert list(tmp_path.rglob("*.yaml")) == [tmp_path / "elmify.yaml"]


def test_stores_of_the_projects_own_get_the_example_whatever_is_set(tmp_path: Path) -> None:
    (tmp_path / "elmify.yaml").write_text(
        "environment: demo\nobjects: {store: directory}\ndatabase: {store: embedded}\n"
    )

    done = init_project(tmp_path, SCHEMA, {**R2, **DATABASE})

    assert not done.is_real
    assert "catalog/example-speaker/speaker.yaml" in done.written


def test_what_is_declared_from_real_stores_is_kept(tmp_path: Path) -> None:
    (tmp_path / "catalog/noor").mkdir(parents=True)
    (tmp_path / "catalog/noor/speaker.yaml").write_text("speaker: noor\nname: Noor\n")

    done = init_project(tmp_path, SCHEMA, {**R2, **DATABASE})

    assert done.kept == ("catalog/",)
    assert [file.name for file in tmp_path.rglob("*.yaml") if file.parent.name != tmp_path.name] == [
        "speaker.yaml"
    ]
