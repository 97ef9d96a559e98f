import pytest
from jsonschema import Draft202012Validator

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.schema import catalog_schema
from tests.catalogs import COLLECTION, SPEAKER
from tests.documents import DOCS, pages


@pytest.mark.parametrize(
    "name", ["diagnostics.md", "catalog.schema.json", "catalog.md", "operations.md", "settings.md"]
)
def test_a_page_written_from_the_code_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[DOCS / name], "run: python -m tests.documents"


def test_no_two_mistakes_share_a_code() -> None:
    codes = [mistake.code for mistake in Mistake]
    assert len(codes) == len(set(codes))
    assert len(codes) == len(Mistake.__members__)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (SPEAKER, True),
        (COLLECTION, True),
        (SPEAKER + "titel: x\n", False),
        ("collection: quran\ntitle: 'Quran '\n", True),
        ("collection: quran\ntitle: ' '\n", False),
        ("collection: Quran\ntitle: Quran\n", False),
        ("lectures: []\n", False),
    ],
)
def test_editors_judge_a_file_by_the_published_schema(text: str, valid: bool) -> None:
    import yaml

    schema = catalog_schema()
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(yaml.safe_load(text)) is valid
