"""Modules of elmify's names that come from another package are found."""

import pytest

from reconciler.operations.doctor import other_owners


@pytest.mark.parametrize("owners", [{}, {"reconciler": ["elmify"], "providers": ["elmify", "Elmify"]}])
def test_modules_of_elmify_alone_have_no_other_owner(owners: dict[str, list[str]]) -> None:
    assert list(other_owners(owners)) == []


@pytest.mark.parametrize("module", ["reconciler", "providers"])
def test_a_package_that_installs_a_module_of_the_same_name_is_named(module: str) -> None:
    assert list(other_owners({module: ["elmify", "sync-tool"], "other": ["x"]})) == ["sync-tool"]
