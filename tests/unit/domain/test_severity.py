"""Severity: priority first, then the word through a table; never SEV1 by a word."""

import pytest

from bot.domain.errors import RequestError
from bot.domain.severity import Severity, highest, parse_severity, severity_of

SEV1, SEV2, SEV3, SEV4 = Severity


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        ({"priority": "P0"}, SEV1),
        ({"priority": "p1"}, SEV2),
        ({"priority": " P2 "}, SEV3),
        ({"priority": "P3", "severity": "critical"}, SEV4),
        ({"priority": "P9", "severity": "critical"}, SEV2),
        ({"severity": "critical"}, SEV2),
        ({"severity": "CRITICAL"}, SEV2),
        ({"severity": "warning"}, SEV3),
        ({"severity": "info"}, SEV4),
        ({"severity": "none"}, SEV4),
        ({"severity": ""}, SEV3),
        ({}, SEV3),
    ],
)
def test_the_default_table(labels: dict[str, str], severity: Severity) -> None:
    assert severity_of(labels) is severity


def test_a_table_of_the_settings_counts_and_can_not_give_sev1() -> None:
    table = {"page": SEV1, "critical": SEV3}
    assert severity_of({"severity": "page"}, table) is SEV2
    assert severity_of({"severity": "critical"}, table) is SEV3
    assert severity_of({"severity": "warning"}, table) is SEV4


def test_the_highest_is_the_smallest_number() -> None:
    assert highest([SEV3, SEV1, SEV4]) is SEV1
    assert highest([]) is SEV3


def test_sev4_alone_is_not_posted_as_a_card() -> None:
    assert [one.posted for one in Severity] == [True, True, True, False]


@pytest.mark.parametrize("text", ["SEV2", "sev2", " 2 "])
def test_people_write_it_as_they_like(text: str) -> None:
    assert parse_severity(text) is SEV2


@pytest.mark.parametrize("text", ["", "SEV0", "5", "high", "SEV", "1.5"])
def test_anything_else_is_told(text: str) -> None:
    with pytest.raises(RequestError, match=r"is not a severity\. Use SEV1, SEV2, SEV3 or SEV4"):
        parse_severity(text)
