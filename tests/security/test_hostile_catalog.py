"""A catalog that means harm, as a pull request may bring it: it reaches no file, no code, no other host."""

import socket
from pathlib import Path

import pytest

from reconciler.model.errors import Exit
from tests.acceptance.projects import DIRECTORY, Project
from tests.inside import inside_project
from tests.listener.hearing import listening, unheard
from tests.listener.urls import Way
from tests.media_files import wav
from tests.servers import ACCESS_KEY
from tests.stand import BASE_URL

PLANTED = "planted-text-of-a-file-outside"


@pytest.fixture
def project(project: Project) -> Project:
    """The project, and files beside it that are nobody's business."""
    outside = project.root.parent
    (outside / "outside.yaml").write_text(f"speaker: outside\nname: {PLANTED}\n", encoding="utf-8")
    (outside / "outside.wav").write_bytes(wav())
    return project


@pytest.mark.parametrize(
    "path", ["../outside.wav", "/etc/hostname", "a/../../outside.wav", "link.wav", "up/outside.wav"]
)
def test_no_media_outside_of_the_root_is_hashed_or_stored(project: Project, path: str) -> None:
    (project.root / "media" / "link.wav").symlink_to(project.root.parent / "outside.wav")
    (project.root / "media" / "up").symlink_to(project.root.parent)
    project.lecture("theft", audio=path)

    locked = project.elmify("lock", status=1)
    checked = project.elmify("validate", status=1)

    codes = {"EL140", "EL307"}  # told from the path alone, or from where it leads
    assert any(code in locked.err for code in codes)
    assert any(code in checked.out + checked.err for code in codes)
    assert path not in (project.root / "catalog" / "elmify.lock").read_text("utf-8")


def test_a_link_in_the_catalog_shows_nothing_of_what_it_leads_to(project: Project) -> None:
    (project.root / "catalog" / "ali" / "extra.yaml").symlink_to(project.root.parent / "outside.yaml")

    refused = project.elmify("validate", status=1)

    assert "EL124" in refused.out + refused.err
    assert PLANTED not in refused.out + refused.err


@pytest.mark.parametrize(
    "template",
    [
        "{{ lecture.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{% include '/etc/passwd' %}",
        "{{ lecture.title.format(lecture) }}",
    ],
)
def test_a_key_template_reaches_nothing_but_the_catalogs_fields(project: Project, template: str) -> None:
    project.settings = f'{DIRECTORY}keys:\n  lecture_audio: "{template}"\n'
    project.write()

    refused = project.elmify("plan", status=1)

    assert "elmify.yaml" in refused.out + refused.err
    assert "Traceback" not in refused.err


def test_what_a_title_says_is_stored_as_it_is_and_is_no_sql(project: Project) -> None:
    title = "'); drop table lectures; -- $$; select pg_sleep(9) \\copy"
    project.lecture("opening", title=title)

    project.apply()

    assert [row["title"] for row in project.sql("select title from lectures")] == [title]


@pytest.mark.parametrize(
    "title",
    [
        "..",
        ".",
        "./a",
        "/",
        "?",
        "../../outside",
        "a/../../../b",
        "a/./b",
        "a//b",
        "\\..\\..\\b",
        "#",
        "a?b#c%41",
        "%2e%2e/%2e%2e/b",
        "%00",
        "%",
        " a ",
        "a\u202eb",
        "a\tb",
        "@evil.example/",
        ":80/",
        "x" * 240,
        "ﷺ" * 300,
        "<script>'\"&;",
    ],
)
def test_whatever_a_title_says_its_lecture_plays_or_is_refused(
    tmp_path: Path, database_url: str, title: str
) -> None:
    project = inside_project(tmp_path, database_url)
    project.lecture("opening", number=1, title=title)

    applied = project.ended("apply", "--auto-approve")

    if applied.status == Exit.OK:
        with listening(project.database_url, project.objects, BASE_URL) as listener:
            assert unheard(listener.heard(), listener.hashes(), tuple(Way)) == []
    else:
        assert applied.status in {Exit.ERROR, Exit.GUARDED}
        assert project.contents()[:-1] == ([],) * 5


def test_a_scope_of_a_thousand_stars_is_answered(project: Project) -> None:
    refused = project.elmify("plan", "--only", "*a" * 1000 + "b", status=64)

    assert "error[usage]" in refused.err


def test_elmify_yaml_leads_no_request_to_another_host(project: Project, s3_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        host, port = elsewhere.getsockname()
        project.settings = f"objects: {{endpoint: 'http://{host}:{port}', bucket: absent}}\n"
        project.write()
        project.environ |= {
            "R2_ENDPOINT": s3_url,
            "R2_ACCESS_KEY_ID": ACCESS_KEY,
            "R2_SECRET_ACCESS_KEY": "any",
        }

        project.elmify("plan", status=1)

        with pytest.raises(BlockingIOError):
            elsewhere.accept()
