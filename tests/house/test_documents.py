"""What is written for people agrees with what the program does."""

import re
import subprocess
import sys

import pytest
from sources import ROOT

from bot.__main__ import app, audit_app, playbooks_app, policy_app, shadow_app
from bot.domain.execution import EXECUTION
from bot.domain.incident import INCIDENT
from bot.domain.proposal import PROPOSAL
from bot.domain.silence import SILENCE
from bot.domain.transitions import Machine
from bot.domain.verification import VERIFICATION
from bot.playbooks import loader
from bot.settings import DESCRIPTIONS


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_generated_documents_are_as_they_would_be_written_now() -> None:
    told = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
def test_each_setting_stands_in_the_readme_and_in_the_example(name: str) -> None:
    assert f"`{name}`" in _text("README.md")
    assert re.search(rf"^#?{name}=", _text(".env.example"), re.MULTILINE)


def test_the_example_names_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", _text(".env.example"), re.MULTILINE))
    assert named <= set(DESCRIPTIONS)


def _commands() -> list[str]:
    plain = [one.name or one.callback.__name__ for one in app.registered_commands if one.callback]
    audit = [one.name for one in audit_app.registered_commands]
    playbooks = [f"fettle playbooks {one.name}" for one in playbooks_app.registered_commands]
    shadow = [f"fettle shadow {one.name}" for one in shadow_app.registered_commands]
    policy = [f"fettle policy {one.name}" for one in policy_app.registered_commands]
    audits = [f"fettle audit {name}" for name in audit]
    return [*(f"fettle {name}" for name in plain), *audits, *playbooks, *policy, *shadow]


@pytest.mark.parametrize("command", [one for one in _commands() if one != "fettle version"])
def test_each_command_stands_in_the_documents(command: str) -> None:
    everything = "\n".join(
        path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    )
    words = command.split()
    told = command in everything or (
        words[1] == "audit" and re.search(rf"fettle audit [\w|]*\b{words[2]}\b", everything)
    )
    assert told


def test_the_steps_of_the_readme_that_the_program_names_are_about_what_it_says() -> None:
    steps = dict(re.findall(r"^(\d)\. \*\*(.+?)\.?\*\*", _text("README.md"), re.MULTILINE))
    named = {
        (path.name, steps[number])
        for path in (ROOT / "bot").rglob("*.py")
        for number in re.findall(r"README, step (\d)", path.read_text(encoding="utf-8"))
    }
    assert named == {("doctor_here.py", "Alertmanager"), ("settings_files.py", "Settings")}


@pytest.mark.parametrize("command", ["/incident", "/restart", "/verify"])
def test_each_slash_command_stands_in_the_readme(command: str) -> None:
    assert command in _text("README.md")


@pytest.mark.parametrize(
    "machine", [INCIDENT, PROPOSAL, EXECUTION, VERIFICATION, SILENCE], ids=lambda machine: machine.name
)
def test_each_diagram_is_the_transition_table(machine: Machine) -> None:
    assert machine.mermaid() in _text("docs/state-machines.md")


@pytest.mark.parametrize("alert", sorted({name for one in loader.built_in().playbooks for name in one.match.alerts}))
def test_each_alert_of_the_catalog_stands_in_the_table_of_alerts_with_all_four_columns(alert: str) -> None:
    page = _text("docs/alerts.md")
    (row,) = re.findall(rf"^\| \*\*{alert}\*\* \|(.*)\|$", page, re.MULTILINE)
    evidence, ways, shown = (part.strip() for part in row.split("|"))
    assert evidence
    assert "→" in ways
    assert shown
    for name in re.findall(r"\(#([\w-]+)\)", shown):
        assert f'<a id="{name}"></a>' in page


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_hold_hashes_and_no_addresses(name: str) -> None:
    text = _text(name)
    assert not re.search(r"https?:|--index-url|--find-links|--extra-index-url", text)
    pinned = re.findall(r"^[a-z0-9][\w.-]*(?:\[[\w,-]+\])?==", text, re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)


@pytest.mark.parametrize("target", ["sandbox", "test", "check", "bench", "soak", "planted"])
def test_the_makefile_has_each_target(target: str) -> None:
    assert re.search(rf"^{target}:", _text("Makefile"), re.MULTILINE)


def test_an_installation_says_so_before_it_takes_its_minute() -> None:
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", ".venv/.filled"],  # noqa: S607 - whichever make is there
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = [line for line in told.stdout.splitlines() if not line.startswith("make")]
    assert said[0].startswith('echo "Installing into .venv, about a minute')


def test_the_procfile_starts_what_the_command_line_knows() -> None:
    started = re.findall(r"^\w+: fettle (\w+)$", _text("Procfile"), re.MULTILINE)
    assert {f"fettle {name}" for name in started} <= set(_commands())
    assert started == ["run", "sandbox"]
