"""Diagnostics as SARIF 2.1.0 (OASIS), for code scanning."""

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from reconciler.model.diagnostics import Diagnostic, in_reading_order
from reconciler.render.escape import harmless_json
from reconciler.text.codes import Mistake

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def diagnostics_sarif(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """Return diagnostics as one SARIF log of one run, in reading order.

    Their files are in `folder`, relative to the repository, as code scanning wants them.
    """
    found = in_reading_order(diagnostics)
    rules = _rules(found)
    run = {
        "tool": {"driver": {"name": "elmify", "version": version("elmify"), "rules": list(rules.values())}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, list(rules), folder) for one in found],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return harmless_json(json.dumps(document, indent=2, ensure_ascii=False))


def _rules(found: Sequence[Diagnostic]) -> dict[str, dict[str, Any]]:
    """Return the rule of each code that was found, by code."""
    known = {mistake.code: mistake.value for mistake in Mistake}
    rules = dict[str, dict[str, Any]]()
    for one in sorted(found, key=lambda d: d.code):
        entry = known.get(one.code)
        rules[one.code] = {
            "id": one.code,
            "shortDescription": {"text": one.summary},
            "fullDescription": {"text": entry.meaning if entry else one.summary},
            "help": {"text": (entry.remedy if entry else one.hint) or one.summary},
            "defaultConfiguration": {"level": one.severity.value},
        }
    return rules


def _result(one: Diagnostic, codes: list[str], folder: str) -> dict[str, Any]:
    place = one.position
    file = f"{folder}/{place.file}" if folder else place.file
    return {
        "ruleId": one.code,
        "ruleIndex": codes.index(one.code),
        "level": one.severity.value,
        "message": {"text": "\n".join(filter(None, [one.detail, one.hint])) or one.summary},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file)},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ],
    }
