"""Names and titles come from a pull request: none of them acts where a command shows it."""

import re

import pytest

from tests.acceptance.projects import Project

#: What each text would do, were it not for elmify: forge a line of a CI log, run a script, call everybody,
#: end a table or a comment.
HOSTILE = (
    "::error file=a,line=1::forged",
    "##[error]forged",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "@everyone and @octocat, see #1",
    "--> <!-- | a | `b` **c** [d](javascript:alert(3))",
)

#: What the catalog refuses, and other hands may have written into a row: colours, a new title for the window,
#: a line of its own, another reading direction.
CONTROLS = ("\x1b[31mred \x1b]0;owned\x07", "x\n::set-output name=a::b", "\u202egnp.exe", "\x9b31m")

#: Each shows names and titles of the catalog, of the stores or of the records.
SHOWN = (
    ("plan",),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("validate",),
    ("validate", "--format", "sarif"),
    ("drift",),
    ("drift", "--format", "markdown"),
    ("verify",),
    ("verify", "--format", "junit"),
    ("status",),
    ("audit",),
    ("runs",),
)

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)


@pytest.fixture
def library(project: Project) -> Project:
    """A library whose titles all mean harm: some applied, some edited by other hands, some new."""
    for number, text in enumerate((*HOSTILE, *CONTROLS)):
        project.lecture(f"old-{number}", title=f"{number} {'' if text in CONTROLS else text}.")
    project.apply()
    for number, text in enumerate((*HOSTILE, *CONTROLS)):
        project.sql(
            "update lectures set title = %s, genre = %s where title like %s", text, text, f"{number} %"
        )
        project.sql(
            "insert into lectures (title, file_name, file_path, file_size, file_format, duration)"
            " values (%s, %s, %s, 1, 'mp3', 1)",
            *(text, text, text),
        )
    for number, text in enumerate(HOSTILE):
        project.lecture(f"new-{number}", title=f"1{number} {text}", genre=text, description=text)
    return project


def test_no_text_acts_in_a_terminal_or_in_the_log_of_a_job(library: Project) -> None:
    for arguments in SHOWN:
        ran = library.start(*arguments).end()
        assert ran.status in {0, 1, 2}, arguments
        assert "Traceback" not in ran.err, arguments
        for said in (ran.out, ran.err):
            assert not _CONTROL.search(said), arguments
            assert not _COMMAND.search(said), arguments


def test_no_text_acts_in_a_comment_on_a_pull_request(library: Project) -> None:
    comment = library.elmify("plan", "--format", "markdown").out

    assert "<script" not in comment
    assert "<img" not in comment
    assert not re.search(r"(?<![\w&;])@\w", comment)
    assert "](javascript:" not in comment
    assert comment.count("-->") == comment.count("<!--")


def test_what_is_shown_is_what_is_stored(library: Project) -> None:
    library.apply()

    stored = {row["title"] for row in library.sql("select title from lectures")}
    assert {f"1{number} {text}" for number, text in enumerate(HOSTILE)} <= stored
