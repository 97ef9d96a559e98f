"""What `--rekey` cannot move, in every rendering of a plan."""

import json
from dataclasses import replace
from html import unescape

import pytest

from reconciler.model.kinds import Slot
from reconciler.model.plan import Hindrance, NotRekeyed, Plan
from reconciler.render.plan.html import plan_html
from reconciler.render.plan.json import dump_plan, load_plan
from reconciler.render.plan.markdown import plan_markdown
from reconciler.render.plan.parts import Detail
from reconciler.render.plan.text import plan_text
from tests.unit.render.plans import empty_plan, full_plan


def left_out(count: int, plan: Plan) -> Plan:
    left = [
        NotRekeyed(
            address=f"a/b/{at}",
            slot=Slot.LECTURE_AUDIO,
            key=f"old/{at}.mp3",
            wished=f"A/B/{at}.mp3",
            reason=Hindrance.NEVER_HASHED,
        )
        for at in range(count)
    ]
    return replace(plan, not_rekeyed=tuple(left))


@pytest.mark.parametrize("plan", [empty_plan(), full_plan()])
def test_every_format_says_how_many_the_first_of_them_and_the_command(plan: Plan) -> None:
    told = left_out(7, plan)

    for text in map(unescape, (plan_text(told), plan_markdown(told), plan_html(told))):
        assert "7 objects keep their keys, because nobody has hashed the bytes" in text
        assert "`elmify import live --hash`" in text
        assert "a/b/0 audio: old/0.mp3" in text
        assert "and 2 more" in text


def test_one_object_is_told_in_the_singular_at_every_level() -> None:
    for detail in Detail:
        assert "1 object keeps its key, because" in plan_text(left_out(1, empty_plan()), detail=detail)


def test_the_json_has_each_object_with_its_reason_and_remedy() -> None:
    plan = left_out(1, full_plan())

    text = dump_plan(plan)

    assert json.loads(text)["not_rekeyed"] == [
        {
            "address": "a/b/0",
            "slot": "audio",
            "key": "old/0.mp3",
            "wished": "A/B/0.mp3",
            "reason": "never-hashed",
            "remedy": {"kind": "import-live", "clean": [], "hash_bytes": True},
        }
    ]
    assert load_plan(text, "plan.json") == plan


def test_a_reason_is_worded_for_each_hindrance() -> None:
    for reason in Hindrance:
        left = replace(left_out(1, empty_plan()).not_rekeyed[0], reason=reason)
        assert "because" in plan_text(replace(empty_plan(), not_rekeyed=(left,)))
