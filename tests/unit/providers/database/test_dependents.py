"""Numbers of captured rows."""

import pytest

from providers.database.dependents import exact_number


@pytest.mark.parametrize("text", ["0.5", "1.50", "1e300", "-0.1", "12345.678901"])
def test_a_number_that_a_float_holds_is_a_float(text: str) -> None:
    assert exact_number(text) == float(text)


@pytest.mark.parametrize("text", ["1234567890.12345678901234567890", "0.1000000000000000055"])
def test_a_number_that_a_float_would_cut_stays_text(text: str) -> None:
    assert exact_number(text) == text
