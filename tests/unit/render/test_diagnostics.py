import json

import pytest

from reconciler.model.diagnostics import Diagnostic, Position, Severity
from reconciler.model.errors import Exit, InvalidInput, ProviderError, Stale
from reconciler.render.diagnostics import diagnostics_json, diagnostics_text, error_json, error_text
from tests.unit.render.plans import HOSTILE, warning

MISTAKE = Diagnostic(
    code="EL104",
    summary="unknown key",
    detail="`tilte` is no key of a lecture.",
    hint="Did you mean:\n    title",
    position=Position("catalog/x/quran-hafs.yaml", 12, 5),
)
STALE = Stale(
    "the world moved after this plan was made",
    details=["abdul-rashid-sufi/quran-hafs/al-fatiha: title was changed at 14:02 UTC by someone else."],
    hint="Nothing was applied. Plan again and have it reviewed:\n    elmify plan --out plans/next.json",
)


def test_a_diagnostic_points_at_its_place_and_says_what_to_do() -> None:
    assert diagnostics_text([MISTAKE]) == (
        "catalog/x/quran-hafs.yaml:12:5: error[EL104] unknown key\n"
        "    `tilte` is no key of a lecture.\n"
        "    Did you mean:\n"
        "        title"
    )


def test_diagnostics_come_in_reading_order_whatever_the_order_they_were_found_in() -> None:
    text = diagnostics_text([MISTAKE, warning()])

    assert text == diagnostics_text([warning(), MISTAKE])
    assert text.index("EL301") < text.index("EL104")
    assert [one["code"] for one in diagnostics_json([MISTAKE, warning()])] == ["EL301", "EL104"]


def test_no_diagnostics_are_no_text() -> None:
    assert diagnostics_text([]) == ""


def test_a_diagnostic_as_json_has_its_place_in_parts() -> None:
    assert diagnostics_json([MISTAKE]) == [
        {
            "severity": "error",
            "code": "EL104",
            "summary": "unknown key",
            "detail": "`tilte` is no key of a lecture.",
            "hint": "Did you mean:\n    title",
            "position": {"file": "catalog/x/quran-hafs.yaml", "line": 12, "column": 5},
        }
    ]


def test_a_failure_says_what_why_and_what_to_do() -> None:
    assert error_text(STALE) == (
        "error[plan-stale]: the world moved after this plan was made\n"
        "  abdul-rashid-sufi/quran-hafs/al-fatiha: title was changed at 14:02 UTC by someone else.\n"
        "  Nothing was applied. Plan again and have it reviewed:\n"
        "      elmify plan --out plans/next.json"
    )


def test_a_failure_of_the_input_brings_its_diagnostics() -> None:
    text = error_text(InvalidInput([MISTAKE]))

    assert text.startswith("catalog/x/quran-hafs.yaml:12:5: error[EL104] unknown key\n")
    assert text.endswith(
        "\n\nerror[invalid-input]: the input has mistakes\n  Correct them and run the command again."
    )


def test_a_failure_as_json_carries_its_exit_status_and_diagnostics() -> None:
    document = json.loads(error_json(InvalidInput([MISTAKE])))["error"]

    assert document["code"] == "invalid-input"
    assert document["exit"] == Exit.ERROR
    assert document["diagnostics"][0]["code"] == "EL104"
    assert json.loads(error_json(STALE))["error"]["exit"] == Exit.STALE


def test_an_exact_code_is_shown_and_each_detail_has_its_reason() -> None:
    error = ProviderError("no room", code="disk-full", details=["a: 1", "b: 2"], reasons=["full", "gone"])

    document = json.loads(error_json(error))["error"]

    assert (document["code"], document["exit"]) == ("disk-full", Exit.ERROR)
    assert (document["details"], document["reasons"]) == (["a: 1", "b: 2"], ["full", "gone"])
    assert error_text(error).startswith("error[disk-full]: ")
    assert ProviderError("no room").code == ProviderError.code


def test_colour_marks_the_severity() -> None:
    assert "\x1b[31m\x1b[1merror[EL104]\x1b[0m" in diagnostics_text([MISTAKE], colour=True)
    assert "\x1b[33m\x1b[1mwarning[EL301]\x1b[0m" in diagnostics_text([warning()], colour=True)
    assert "\x1b[31m\x1b[1merror[plan-stale]:\x1b[0m" in error_text(STALE, colour=True)


@pytest.mark.parametrize("told", HOSTILE)
def test_a_hostile_text_cannot_act_from_a_message(told: str) -> None:
    hostile = Diagnostic(
        code=told,
        summary=told,
        detail=told,
        hint=told,
        position=Position(told),
        severity=Severity.WARNING,
    )

    text = error_text(Stale(told, details=[told], hint=told)) + "\n" + diagnostics_text([hostile])

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
