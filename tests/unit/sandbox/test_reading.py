"""What the headless reader makes of Slack's marks: the words that a person sees, and what is no mark stays."""

import pytest

from bot.sandbox import reading
from bot.sandbox.slack.workspace import Workspace


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*Restart* of *shop/api*", "Restart of shop/api"),
        ("it runs at 0 3 * * *", "it runs at 0 3 * * *"),
        ("*/5 * * * * and *bold*", "*/5 * * * * and bold"),
        ("2*3*4", "2*3*4"),
        ("<@U0ANA> in <#C0ONCALL> &amp; <https://runbook.example/a|Runbook>", "@ana in #oncall & Runbook"),
        ("opened <!date^1700000000^{time}|22:13 UTC>", "opened 22:13 UTC"),
    ],
    ids=["bold", "a schedule", "a schedule beside bold", "within a word", "entities", "a moment"],
)
def test_it_is_read_as_a_person_sees_it(text: str, read: str) -> None:
    assert reading.plain(text, Workspace()) == read
