"""The example of the page on playbooks works as it stands there."""

import re
from pathlib import Path

import pytest

from bot import playbooks_cli
from bot.playbooks import loader
from bot.playbooks_cli import Asked

PAGE = (Path(__file__).parents[3] / "docs" / "playbooks.md").read_text(encoding="utf-8")


def _block(mark: str) -> tuple[str, str]:
    """What the mark says and the block of code that follows it."""
    found = re.search(rf"<!-- {mark}(?:: ([\w.-]+))? -->\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, mark
    return found[1] or "", found[2]


def test_the_example_is_right_and_explain_says_what_the_page_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, text = _block("example")
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / name).write_text(text, encoding="utf-8")
    assert playbooks_cli.check(folder, tmp_path / ".env", as_json=False) == 0
    alert = tmp_path / "alert.json"
    alert.write_text(_block("alert")[1], encoding="utf-8")
    capsys.readouterr()
    assert playbooks_cli.explain_alert(Asked(str(alert), folder=folder), tmp_path / ".env", as_json=False) == 0
    told = capsys.readouterr().out.splitlines()
    for line in _block("said")[1].splitlines():
        assert line in told


def test_the_example_uses_every_table_that_the_schema_has() -> None:
    """Whoever copies it sees where each kind of thing goes."""
    _, text = _block("example")
    made = loader.parse(text, "checkout-errors.yaml")
    unused = {"priority", "severity", "logs"}
    assert set(type(made).model_fields) - set(made.content()) == unused


def test_the_mistake_that_the_page_shows_is_told_as_the_page_tells_it() -> None:
    _, text = _block("example")
    shown = re.search(r"`(checkout-errors\.yaml, line \d+: findings\.oom_kiled: [^`]*)`", PAGE)
    assert shown is not None
    with pytest.raises(Exception, match="oom_kiled") as refused:
        loader.parse(text.replace("oom_killed", "oom_kiled"), "checkout-errors.yaml")
    assert str(refused.value) == " ".join(shown[1].split())


@pytest.mark.parametrize("playbook", loader.built_in().playbooks, ids=lambda one: one.name)
def test_every_built_in_playbook_stands_in_the_table(playbook: loader.Playbook) -> None:
    assert f"| **{playbook.name}** |" in PAGE
    assert all(alert in PAGE for alert in playbook.match.alerts)
