from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.diagnostics import Diagnostic, Position, Severity
from reconciler.render.github import annotations, output_lines, plan_outputs
from tests.unit.render.plans import HOSTILE, empty_plan, full_plan


def mistake(line: int = 12, **more: str) -> Diagnostic:
    texts = {"code": "EL101", "summary": "a title is missing", "detail": "It has none.", "hint": "Add one."}
    return Diagnostic(**{**texts, **more}, position=Position("catalog/ali/quran.yaml", line, 5))  # type: ignore[arg-type]


def read_outputs(text: str) -> dict[str, str]:
    """Read a file of outputs as the runner does."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, end = line.partition("<<")
        value = []
        for each in lines:
            if each == end:
                break
            value.append(each)
        found[name] = "\n".join(value)
    return found


def test_the_outputs_of_a_plan() -> None:
    assert plan_outputs(full_plan()) == {
        "changes": "true",
        "fingerprint": full_plan().fingerprint,
        "adds": "1",
        "changes_count": "6",
        "deletes": "1",
        "user_rows_lost": "4",
        "blocked": "true",
    }


def test_the_outputs_of_an_empty_plan() -> None:
    outputs = plan_outputs(empty_plan())

    assert (outputs["changes"], outputs["changes_count"], outputs["blocked"]) == ("false", "0", "false")


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["one", "two", "three"]),
        st.text() | st.sampled_from(["elmify_end", "a\nelmify_end\nb<<c"]),
    )
)
def test_no_value_ends_early_or_begins_another_output(outputs: dict[str, str]) -> None:
    assert read_outputs(output_lines(outputs)) == outputs


def test_an_annotation_names_its_place() -> None:
    assert annotations([mistake()]) == (
        "::error file=catalog/ali/quran.yaml,line=12,col=5,title=EL101%3A a title is missing"
        "::It has none.%0AAdd one."
    )


def test_a_project_in_a_folder_of_its_repository_is_annotated_there() -> None:
    assert "file=library/catalog/ali/quran.yaml," in annotations([mistake()], "library")


def test_a_warning_is_a_warning() -> None:
    assert annotations([replace(mistake(), severity=Severity.WARNING)]).startswith("::warning file=")


def test_nothing_wrong_is_no_annotation() -> None:
    assert annotations([]) == ""


def test_of_more_than_github_shows_the_last_says_how_many() -> None:
    ten = annotations([mistake(line) for line in range(1, 11)]).split("\n")
    many = annotations([mistake(line) for line in range(1, 31)]).split("\n")

    assert len(ten) == len(many) == 10
    assert "more" not in ten[-1]
    assert many[-1] == "::error title=elmify::and 21 more; `elmify validate` tells them all"
    assert [f"line={line}," in many[line - 1] for line in range(1, 10)] == [True] * 9


def test_errors_do_not_crowd_out_warnings() -> None:
    warnings = [replace(mistake(line), severity=Severity.WARNING) for line in range(1, 20)]

    told = annotations([*warnings, *(mistake(line) for line in range(1, 20))]).split("\n")

    assert [sum(line.startswith(f"::{sort} ") for line in told) for sort in ("error", "warning")] == [10, 10]


@settings(deadline=None)
@given(st.text() | st.sampled_from(HOSTILE))
def test_a_hostile_text_makes_no_other_command(told: str) -> None:
    hostile = replace(
        mistake(detail=told, summary=told, hint=told), position=Position(f"catalog/{told}.yaml", 1, 1)
    )

    (line,) = annotations([hostile]).splitlines()

    head, _, message = line.removeprefix("::error ").partition("::")
    assert [each.partition("=")[0] for each in head.split(",")] == ["file", "line", "col", "title"]
    assert not {"\n", "\r"} & set(message)
