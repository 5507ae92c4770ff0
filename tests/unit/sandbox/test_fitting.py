"""What `fettle sandbox` can't do on this machine is told before anything starts, with what to do about it."""

from pathlib import Path

import pytest

from bot.sandbox import cli
from bot.sandbox.options import SandboxOptions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            SandboxOptions(port=99999),
            "--port 99999: a port is a number up to 65535; 0, or no --port, takes a free one.",
        ),
        (SandboxOptions(port=-1), "--port -1: a port is a number up to 65535; 0, or no --port, takes a free one."),
        (
            SandboxOptions(data=Path("/etc/hosts")),
            "--data /etc/hosts: that is no folder; name one to keep the state in, and it is made if it isn't there.",
        ),
        (
            SandboxOptions(data=Path("/proc/x")),
            "--data /proc/x: the folder can't be made (No such file or directory); name one where you may write.",
        ),
    ],
    ids=["no port", "below every port", "a file", "no place to write"],
)
def test_options_that_cannot_be_followed_are_told_with_what_to_do(
    options: SandboxOptions, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(options) == 2
    assert capsys.readouterr().err.strip() == said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SandboxOptions(scenario="bad-imag"), "There is no scenario bad-imag: did you mean bad-image?"),
        (SandboxOptions(scenario="mine"), "There is no scenario mine: did you mean mine.yaml?"),
        (SandboxOptions(scenario="qqqq"), "There is no scenario qqqq: `fettle sandbox --list` shows them."),
        (SandboxOptions(breaks="qqqq"), "There is no breakage qqqq: `fettle sandbox --list` shows them."),
        (
            SandboxOptions(breaks="bad-image"),
            "bad-image is a scenario, no breakage: `fettle sandbox --scenario bad-image` plays it.",
        ),
        (
            SandboxOptions(headless=True),
            "--headless needs --scenario NAME, FILE or all; `fettle sandbox --list` shows them.",
        ),
    ],
    ids=["nearly", "a file beside", "nothing near", "no such breakage", "a scenario", "no name"],
)
def test_a_name_that_there_is_not_is_answered_with_the_nearest_or_with_where_they_stand(
    options: SandboxOptions,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert cli.run(options) == 2
    assert capsys.readouterr().err.strip() == said
