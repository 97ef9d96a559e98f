from pathlib import Path

from reconciler.model.outcomes import Reason
from reconciler.render.import_report import SENTENCES

PAGE = Path(__file__).parents[3] / "docs" / "importing.md"


def test_every_reason_has_a_sentence_and_a_line_in_the_documentation() -> None:
    page = PAGE.read_text("utf-8")

    assert set(SENTENCES) == set(Reason)
    assert [reason for reason in Reason if f"| `{reason}` | " not in page] == []
