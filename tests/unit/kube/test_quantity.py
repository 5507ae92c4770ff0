"""Quantities as the API writes them."""

import pytest

from bot.kube.quantity import quantity

WRITTEN = [
    ("250m", 0.25), ("2", 2.0), ("1.5", 1.5), ("1Gi", 2.0**30), ("512Mi", 2.0**29), ("100k", 1e5), ("1e3", 1000.0),
    ("1E3", 1000.0), ("2E", 2e18), ("129e6", 129e6), ("100n", 1e-7), ("5u", 5e-6), (3, 3.0), ("0", 0.0), (".5", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number"), WRITTEN, ids=str)
def test_a_quantity_is_a_number_in_base_units(text: object, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", [None, "", "much", "1Qi", "1 Gi", "0x10", "1e9999", "9" * 500, "1.2.3"], ids=str)
def test_what_is_no_quantity_is_not_known_and_never_zero(text: object) -> None:
    assert quantity(text) is None
