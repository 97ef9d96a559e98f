import json
from typing import Any

import pytest

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.model.diagnostics import Diagnostic, Position, Severity
from reconciler.render.github import diagnostics_sarif
from tests.unit.render.plans import HOSTILE

MISSING = Mistake.NO_SETTINGS.at(Position("elmify.yaml", 3, 7), "There is none.")
WARNING = Diagnostic(
    code="EL999",
    summary="a word of caution",
    detail="",
    hint="",
    position=Position("catalog/علي/a b.yaml", 1, 1),
    severity=Severity.WARNING,
)


def run_of(*found: Diagnostic, folder: str = "") -> dict[str, Any]:
    document = json.loads(diagnostics_sarif(found, folder))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    assert run["tool"]["driver"]["name"] == "elmify"
    result: dict[str, Any] = run
    return result


def test_a_result_has_its_rule_its_level_and_its_place() -> None:
    run = run_of(MISSING)

    (found,) = run["results"]
    assert found == {
        "ruleId": "EL001",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": f"There is none.\n{MISSING.hint}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "elmify.yaml"},
                    "region": {"startLine": 3, "startColumn": 7},
                }
            }
        ],
    }
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["id"] == "EL001"
    assert rule["fullDescription"]["text"] == Mistake.NO_SETTINGS.value.meaning


def test_every_result_points_to_its_own_rule_and_no_text_is_empty() -> None:
    run = run_of(WARNING, MISSING, MISSING, WARNING)

    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["EL001", "EL999"]
    for found in run["results"]:
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]
        assert found["message"]["text"]
    assert all(
        rule[part]["text"] for rule in rules for part in ("shortDescription", "fullDescription", "help")
    )


def test_a_place_is_a_uri_in_the_repository() -> None:
    (found,) = run_of(WARNING, folder="my library")["results"]

    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "my%20library/catalog/%D8%B9%D9%84%D9%8A/a%20b.yaml"


def test_nothing_wrong_is_a_run_without_results() -> None:
    assert run_of()["results"] == []


@pytest.mark.parametrize("told", HOSTILE)
def test_a_hostile_text_stays_text(told: str) -> None:
    found = Diagnostic(code="EL101", summary=told, detail=told, hint=told, position=Position(told, 1, 1))

    (result,) = run_of(found)["results"]

    assert result["message"]["text"] == f"{told}\n{told}"
