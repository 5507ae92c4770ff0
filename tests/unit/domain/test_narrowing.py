"""Annotations take away and never give: what they say, and that whatever can't be understood denies."""

import pytest

from bot.domain.mitigation import Action, Notice
from bot.domain.narrowing import ALL, VERBS, Narrowing, read
from bot.playbooks.schema import ACTIONS

HERE = "Deployment shop/api"


def one(key: str, value: str) -> Narrowing:
    return read(HERE, {f"fettle/{key}": value, "kubectl.kubernetes.io/last-applied-configuration": "{}"})


def test_whoever_writes_nothing_narrows_nothing() -> None:
    assert read(HERE, {"team": "shop", "fettle.dev/execution": "x"}) == Narrowing()


@pytest.mark.parametrize("value", ["restart", " Restart ", "rollback,restart", "scale restart", "set-image, restart,"])
def test_a_verb_that_is_named_is_denied_however_it_is_spaced(value: str) -> None:
    found = one("deny", value)
    assert found.denying("restart") == (HERE,)
    assert not found.denying("evict")
    assert not found.wrong


def test_all_denies_whatever_comes() -> None:
    assert one("deny", "all").denying("a-verb-of-a-later-version") == (HERE,)


def test_every_mitigation_that_a_playbook_may_name_can_be_denied() -> None:
    assert set(VERBS) == {*ACTIONS, *map(str, Action), *map(str, Notice)}

    assert all(one("deny", verb).denying(verb) for verb in VERBS)
    assert ALL not in VERBS


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("deny", "restrat", "says “restrat”: did you mean restart?"),
        ("deny", "restart;rollback", "says “restart;rollback”"),
        ("deny", "everything", "says “everything”; there are restart, rollback,"),
        ("deny", "", "is empty: name what it is about, or take it away."),
        ("deny", " , ", "is empty"),
        ("deny", "restart " * 200, "has more than 1000 characters."),
        ("approvers", "", "is empty"),
        ("approvers", "U0ANA,@li", "says “@li”, which is no Slack id"),
        ("aprovers", "U0ANA", "is none that I know: did you mean approvers?"),
        ("x", "1", "is none that I know; there are deny, approvers, channel, rerun, delete."),
    ],
)
def test_what_can_not_be_understood_denies_everything_with_a_sentence(key: str, value: str, said: str) -> None:
    found = one(key, value)
    (sentence,) = found.wrong
    assert sentence.startswith(f"The annotation fettle/{key} of {HERE} ")
    assert said in sentence
    assert sentence.endswith("Until it is corrected I change nothing there.")
    assert not found.approvers
    assert not found.denied


def test_no_secret_and_no_line_break_of_a_value_is_repeated() -> None:
    (sentence,) = one("deny", "xoxb-1234567890-abcdefgh").wrong
    assert "1234567890" not in sentence
    (sentence,) = one("deny", "re\u202estart" + "x" * 300).wrong
    assert "\u202e" not in sentence
    assert len(sentence) < 450


def test_approvers_of_workload_and_namespace_both_count() -> None:
    found = read(HERE, {"fettle/approvers": "U0ANA, S0SRE"}) + read("namespace shop", {"fettle/approvers": "U0ANA"})
    assert found.approvers == ((HERE, ("U0ANA", "S0SRE")), ("namespace shop", ("U0ANA",)))


def test_a_channel_that_is_none_is_told_and_denies_nothing() -> None:
    for value in ("#shop", "", "C0SHOP,C0OTHER"):
        found = one("channel", value)
        assert found.lost.endswith("it is ignored.")
        assert not found.wrong
        assert not found.channel


def test_the_workloads_channel_goes_before_its_namespaces() -> None:
    space = read("namespace shop", {"fettle/channel": "C0SPACE"})
    assert (one("channel", "C0SHOP") + space).channel == "C0SHOP"
    assert (Narrowing() + space).channel_of == "namespace shop"
