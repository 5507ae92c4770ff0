"""What a playbook may measure is what the evidence can ask."""

from bot.evidence import metric_defaults
from bot.playbooks.words import MEASURED


def test_the_words_are_the_queries_of_a_workload() -> None:
    assert set(MEASURED) == {query.name for query in metric_defaults.WORKLOAD}
