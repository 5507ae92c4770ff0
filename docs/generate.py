"""Writes what is generated in the docs: the state machines' diagrams, the README's table of settings, .env.example.

    python docs/generate.py          writes the files
    python docs/generate.py --check  exits with 1 if one isn't as it would be written

A test holds that the files equal what this writes.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.domain.execution import EXECUTION  # noqa: E402 - the path is set above
from bot.domain.incident import INCIDENT  # noqa: E402
from bot.domain.proposal import PROPOSAL  # noqa: E402
from bot.domain.transitions import Machine  # noqa: E402
from bot.domain.verification import VERIFICATION  # noqa: E402
from bot.settings import DESCRIPTIONS, SECRET, Settings  # noqa: E402

START, END = "<!-- settings: made by docs/generate.py -->", "<!-- /settings -->"
MACHINES: tuple[Machine, ...] = (INCIDENT, PROPOSAL, EXECUTION, VERIFICATION)


def state_machines() -> str:
    """The page of diagrams."""
    parts = ["# State machines", "", "Generated from the tables in `bot/domain/` by `docs/generate.py`.", ""]
    for machine in MACHINES:
        parts += [f"## {machine.name.capitalize()}", "", "```mermaid", machine.mermaid(), "```", ""]
    return "\n".join(parts)


def default_of(name: str) -> str:
    """The default as a person would write it; empty when there is none or it depends."""
    field = Settings.model_fields[name]
    if field.is_required() or field.default_factory is not None or field.default in (None, "", ()):
        return ""
    value = field.default
    seconds = getattr(value, "total_seconds", None)
    if seconds is not None:
        whole = int(seconds())
        return f"{whole // 60}m" if whole >= 120 and whole % 60 == 0 else f"{whole}s"
    return str(value).lower() if isinstance(value, bool) else str(value)


def ordered() -> list[str]:
    """The three settings that a start needs, then the others as they stand in the code."""
    first = ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "KUBECONFIG"]
    return [*first, *(name for name in DESCRIPTIONS if name not in first)]


def settings_table() -> str:
    """The README's table, between its marks."""
    rows = ["| setting | default | what it is and what it adds |", "| --- | --- | --- |"]
    for name in ordered():
        sentence = DESCRIPTIONS[name]
        default = default_of(name)
        rows.append(f"| `{name}` | {f'`{default}`' if default else ''} | {sentence} |")
    return "\n".join((START, "", *rows, "", END))


def readme() -> str:
    """The README with a fresh table."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(START, 1)
    return before + settings_table() + rest.split(END, 1)[1]


def env_example() -> str:
    """Every setting, commented, with its sentence."""
    lines = [
        "# Copy to .env, fill in, run `fettle run`. The environment wins over this file, this file over fettle.yaml.",
        "# Every secret can come from a file instead: NAME_FILE=/path.",
    ]
    for name in ordered():
        sentence = DESCRIPTIONS[name]
        note = f"{sentence} (secret)" if name in SECRET else sentence
        lines += ["", *(f"# {line}" for line in textwrap.wrap(note, 116))]
        required = Settings.model_fields[name].is_required() or name == "KUBECONFIG"
        lines.append(f"{'' if required else '#'}{name}={default_of(name)}")
    return "\n".join(lines) + "\n"


FILES = {"docs/state-machines.md": state_machines, "README.md": readme, ".env.example": env_example}


def main() -> int:
    """Writes or checks; the exit code."""
    stale = []
    for name, make in FILES.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if "--check" in sys.argv and stale:
        print(f"not as generated: {', '.join(stale)}; run python docs/generate.py", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
