import click
import pytest

from reconciler.cli import COMMANDS, cli
from reconciler.cli.options import request_from
from reconciler.model.errors import UsageError
from reconciler.planning.world import DELETE_UNMANAGED, REKEY


def request(*allow: str, only: tuple[str, ...] = ()) -> object:
    return request_from(only, allow, delete_unmanaged=False, rekey=False)


def test_options_become_a_request() -> None:
    asked = request_from(("b", "a", "b"), ("deletes=12", "user-rows=40"), delete_unmanaged=True, rekey=True)

    assert asked.scope == ("a", "b")
    assert asked.options == {DELETE_UNMANAGED, REKEY}
    assert asked.allowances == {"deletes": 12, "user-rows": 40}


def test_of_an_allowance_given_twice_the_last_counts() -> None:
    asked = request_from((), ("deletes=12", "deletes=3"), delete_unmanaged=False, rekey=False)

    assert asked.allowances == {"deletes": 3}


@pytest.mark.parametrize("text", ["deletes", "deletes=", "deletes=-1", "deletes=many", "protect=1", "=1", ""])
def test_what_is_no_allowance_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(text)

    assert "user-rows" in caught.value.hint


def options_of(name: str) -> list[click.Option]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return [option for option in command.params if isinstance(option, click.Option)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_variable_named_after_it(name: str) -> None:
    for option in options_of(name):
        long = max(option.opts, key=len)
        assert option.envvar == f"ELMIFY_{name}_{long[2:]}".upper().replace("-", "_")
