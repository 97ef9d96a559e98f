"""The names of the stores, in every rendering of a plan."""

import json
from dataclasses import replace
from html import unescape

import pytest

from reconciler.model.plan import Plan, Stores
from reconciler.render.plan.html import plan_html
from reconciler.render.plan.json import dump_plan, load_plan
from reconciler.render.plan.markdown import plan_in_short, plan_markdown
from reconciler.render.plan.text import plan_text
from tests.unit.render.plans import HOSTILE, empty_plan, full_plan, many, plan_of

STORES = Stores(bucket="bucket audio at r2.example", database="database app at db.example:5432")
TOLD = "Stores: bucket audio at r2.example; database app at db.example:5432."


@pytest.mark.parametrize("plan", [empty_plan(), full_plan(), many(2), plan_of([], rolls_back=3)])
def test_every_format_names_the_stores(plan: Plan) -> None:
    named = replace(plan, stores=STORES)

    for text in (plan_text(named), plan_markdown(named), plan_html(named), plan_in_short(named, "")):
        assert unescape(text).count(TOLD) == 1
    assert json.loads(dump_plan(named))["stores"] == {"bucket": STORES.bucket, "database": STORES.database}
    assert plan_text(named).splitlines()[-1] == plan_text(plan).splitlines()[-1]


def test_the_stores_are_no_part_of_what_is_reviewed() -> None:
    saved = json.loads(dump_plan(replace(full_plan(), stores=STORES)))

    saved["stores"]["bucket"] = "bucket other at r2.example"
    assert load_plan(json.dumps(saved), "plan.json").fingerprint == full_plan().fingerprint


def test_a_plan_of_a_version_that_did_not_name_them_is_read() -> None:
    saved = json.loads(dump_plan(full_plan()))
    del saved["stores"]

    loaded = load_plan(json.dumps(saved), "plan.json")

    assert loaded.stores is None
    assert "Stores:" not in plan_text(loaded) + plan_markdown(loaded) + plan_html(loaded)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_does_nothing(name: str) -> None:
    plan = replace(empty_plan(), stores=Stores(bucket=name, database="d"))

    assert "\x1b" not in plan_text(plan)
    assert plan_markdown(plan).count("\n") == 1
    assert "<script>alert" not in plan_html(plan) + plan_markdown(plan)
