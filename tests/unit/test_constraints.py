import re
from collections import Counter
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.constraints import ROOT, lowest, pyproject

LINES = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
}

everywhere = pytest.mark.parametrize(
    ("python", "platform"), [(python, platform) for python in PYTHONS for platform in PLATFORMS]
)


def versions(python: str, platform: str) -> list[tuple[str, str]]:
    """Return name and version of each line that holds on a CPython."""
    environment = {
        **PLATFORMS[platform],
        "python_version": python,
        "python_full_version": f"{python}.1",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    lines = [Requirement(line) for line in LINES]
    return [
        (canonicalize_name(line.name), next(iter(line.specifier)).version)
        for line in lines
        if line.marker is None or line.marker.evaluate(environment)
    ]


def asked_for() -> list[Requirement]:
    """Return what pyproject.toml asks for: the program, each extra, the build."""
    table = pyproject()
    project = table["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    texts = (*project["dependencies"], *extras, *table["build-system"]["requires"])
    return [each for each in map(Requirement, texts) if each.name != project["name"]]


def test_each_line_is_a_version_with_at_most_a_marker() -> None:
    shape = re.compile(r"[a-z0-9-]+==[0-9a-z.!+]+( ; [a-zA-Z0-9_.'<>=! ]+)?")

    assert [line for line in LINES if not shape.fullmatch(line)] == []


def test_no_line_names_a_place_to_install_from() -> None:
    assert [line for line in LINES if re.search(r"--|/|://|@|\bfile:", line)] == []


def test_requires_python_admits_the_versions_that_are_tried_here_and_no_older_one() -> None:
    admitted = SpecifierSet(pyproject()["project"]["requires-python"])

    assert [python for python in ("3.10", *PYTHONS) if python in admitted] == list(PYTHONS)


@everywhere
def test_the_markers_choose_one_version_of_a_name(python: str, platform: str) -> None:
    names = Counter(name for name, _ in versions(python, platform))

    assert [name for name, times in names.items() if times > 1] == []


@everywhere
def test_what_pyproject_asks_for_is_there_within_its_bounds(python: str, platform: str) -> None:
    chosen = dict(versions(python, platform))

    assert [
        str(each)
        for each in asked_for()
        if chosen.get(canonicalize_name(each.name), "0") not in each.specifier
        or canonicalize_name(each.name) not in chosen
    ] == []


def test_the_lowest_versions_are_the_bounds_of_what_the_program_needs() -> None:
    needed = map(Requirement, pyproject()["project"]["dependencies"])
    bounds = set(lowest())

    for each in needed:
        [bound] = [one.version for one in each.specifier if one.operator == ">="]
        assert f"{each.name}=={bound}" in bounds
