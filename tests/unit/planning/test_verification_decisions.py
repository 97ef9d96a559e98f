"""What a person may answer to a finding, and the plan that the answers come to."""

import pytest

from reconciler.planning.verification.findings import Condition, VerifyFinding
from reconciler.planning.verification.repair import Choice, Decision, choices, request_for
from reconciler.planning.world import DELETE_UNMANAGED

ONE = "ali/quran/one"
ROW = "unmanaged.lectures[412]"
OBJECT = "unmanaged.object[a.mp3]"


def finding(condition: Condition, what: str, *repairs: str) -> VerifyFinding:
    return VerifyFinding(condition=condition, what=what, detail="", repairs=repairs)


@pytest.mark.parametrize(
    ("condition", "what", "repairs", "letters"),
    [
        (Condition.ROW_WITHOUT_OBJECT, ONE, (ONE,), "mis"),
        (Condition.ROW_WITHOUT_OBJECT, ONE, (), "is"),
        (Condition.ROW_WITHOUT_OBJECT, ROW, (), "dis"),
        (Condition.OTHER_VALUES, ONE, (ONE,), "amis"),
        (Condition.OTHER_VALUES, ONE, (), "is"),
        (Condition.UNDECLARED_ROW, ROW, (), "adis"),
        (Condition.UNDECLARED_ROW, ONE, (), "dis"),
        (Condition.DUPLICATE_ROWS, ROW, (), "adis"),
        (Condition.ORPHAN, OBJECT, (OBJECT,), "dis"),
        (Condition.TWINS, OBJECT, (), "is"),
        (Condition.BROKEN_AUDIT, "the audit log", (), "s"),
        (Condition.QUESTION, ONE, (), "is"),
    ],
)
def test_only_answers_that_make_sense_are_offered(
    condition: Condition, what: str, repairs: tuple[str, ...], letters: str
) -> None:
    offered = choices(finding(condition, what, *repairs))

    assert "".join(choice.value[0] for choice in offered) == letters


def test_what_is_repaired_deleted_and_adopted_is_planned_each_alone() -> None:
    decisions = [
        Decision(finding=finding(Condition.WRONG_URL, ONE, ONE), choice=Choice.MEND),
        Decision(finding=finding(Condition.ORPHAN, OBJECT, OBJECT), choice=Choice.DELETE),
        Decision(finding=finding(Condition.UNDECLARED_ROW, ROW), choice=Choice.DELETE),
        Decision(finding=finding(Condition.ORPHAN, OBJECT, OBJECT), choice=Choice.IGNORE, reason="x"),
        Decision(finding=finding(Condition.UNDECLARED_ROW, ROW), choice=Choice.ADOPT),
    ]

    request = request_for(decisions, ["ali/quran/new"], {"user-rows": 3})

    assert request is not None
    assert request.scope == ("=ali/quran/new", f"={ONE}", f"={ROW}", f"={OBJECT}")
    assert request.options == {DELETE_UNMANAGED}
    assert request.allowances == {"deletes": 2, "user-rows": 3}


def test_what_left_the_catalog_is_deleted_without_touching_the_unmanaged() -> None:
    decision = Decision(finding=finding(Condition.UNDECLARED_ROW, ONE), choice=Choice.DELETE)

    request = request_for([decision])

    assert request is not None
    assert (request.scope, request.options, request.allowances) == ((f"={ONE}",), frozenset(), {"deletes": 1})


def test_an_allowance_that_was_given_stands_over_the_counted_one() -> None:
    decision = Decision(finding=finding(Condition.UNDECLARED_ROW, ONE), choice=Choice.DELETE)

    request = request_for([decision], allowances={"deletes": 9})

    assert request is not None
    assert request.allowances == {"deletes": 9}


def test_ignoring_and_skipping_plan_nothing() -> None:
    some = finding(Condition.ORPHAN, OBJECT, OBJECT)

    assert request_for([]) is None
    assert request_for([Decision(finding=some, choice=c) for c in (Choice.IGNORE, Choice.SKIP)]) is None
