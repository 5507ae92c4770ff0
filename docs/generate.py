"""Writes what is generated in the docs: diagrams, the README's settings, .env.example, playbooks, findings, alerts.

    python docs/generate.py          writes the files
    python docs/generate.py --check  exits with 1 if one isn't as it would be written

A test holds that the files equal what this writes.
"""

from __future__ import annotations

import ast
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alert_table import alerts_page  # noqa: E402 - a neighbour, and the path is set above
from pydantic import BaseModel  # noqa: E402 - the path is set above
from scenario_tables import fault_rows, scenario_rows  # noqa: E402 - a neighbour

from bot import settings_policy_parts as parts  # noqa: E402
from bot.domain import observed  # noqa: E402 - the path is set above
from bot.domain.evidence import EventRow, PodRow  # noqa: E402
from bot.domain.execution import EXECUTION  # noqa: E402
from bot.domain.incident import INCIDENT  # noqa: E402
from bot.domain.mitigation import Action  # noqa: E402
from bot.domain.proposal import PROPOSAL  # noqa: E402
from bot.domain.redaction import HIDDEN, redact  # noqa: E402
from bot.domain.secret_shapes import SHAPES  # noqa: E402
from bot.domain.silence import SILENCE  # noqa: E402
from bot.domain.transitions import Machine  # noqa: E402
from bot.domain.verification import VERIFICATION  # noqa: E402
from bot.findings.cures import MUTATING  # noqa: E402
from bot.findings.ranked import FINDERS  # noqa: E402
from bot.playbooks import loader, schema  # noqa: E402
from bot.playbooks.explained import chained  # noqa: E402
from bot.settings import DESCRIPTIONS, SECRET, Settings  # noqa: E402

MACHINES: tuple[Machine, ...] = (INCIDENT, PROPOSAL, EXECUTION, VERIFICATION, SILENCE)


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
    """The README's table."""
    rows = ["| setting | default | what it is and what it adds |", "| --- | --- | --- |"]
    for name in ordered():
        sentence = DESCRIPTIONS[name]
        default = default_of(name)
        rows.append(f"| `{name}` | {f'`{default}`' if default else ''} | {sentence} |")
    return "\n".join(rows)


def filled(name: str, **parts: str) -> str:
    """A page with fresh text between its marks."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for part, made in parts.items():
        start, end = f"<!-- {part}: made by docs/generate.py -->", f"<!-- /{part} -->"
        before, rest = text.split(start, 1)
        text = f"{before}{start}\n\n{made}\n\n{end}{rest.split(end, 1)[1]}"
    return text


def readme() -> str:
    """The README with a fresh table."""
    return filled("README.md", settings=settings_table())


def playbooks() -> str:
    """The page on playbooks with fresh tables."""
    return filled("docs/playbooks.md", keys="\n".join(key_rows()), catalog="\n".join(catalog_rows()))


def key_rows() -> Iterator[str]:
    """Every key of a playbook and what it means, tables within it after it."""
    yield "| key | what it means |"
    yield "| --- | --- |"
    tables = {
        "": schema.Playbook, "match": schema.Match, "queries": schema.Query, "logs": schema.Logs,
        "findings.CAUSE": schema.Step, "guards": schema.PlaybookGuards, "routing": schema.Routing,
        "routing.quiet": schema.Quiet, "approval": schema.Approval, "approval.none": schema.Alone,
        "verification": schema.Checks, "verification.metrics": schema.Measure, "links": schema.Link,
    }  # fmt: skip
    for prefix, table in tables.items():
        for name, field in table.model_fields.items():
            path = ".".join(part for part in (prefix, field.alias or name) if part)
            sentence = (field.description or "").replace("|", "\\|")
            yield f"| `{path}`{' (needed)' if field.is_required() else ''} | {sentence} |"


def catalog_rows() -> Iterator[str]:
    """Alert, evidence, findings, proposals: a line for each built-in playbook."""
    yield "| playbook | for these alerts | evidence | finding → what may be proposed |"
    yield "| --- | --- | --- | --- |"
    for one in loader.built_in().playbooks:
        labels = [f"`{label}`".replace("|", "\\|") for label in one.match.labels]
        alerts = ", ".join((*one.match.alerts, *labels)) or "whatever no other one is for"
        ways = (f"{cause} → {', '.join(map(chained, steps)) or 'nothing'}" for cause, steps in one.findings.items())
        yield f"| **{one.name}** | {alerts} | {', '.join(one.evidence)} | {'; '.join(ways)} |"
    can = ", ".join(str(action) for action in Action)
    yield ""
    yield f"Fettle carries out: {can}. What else may be proposed stands on the card as advice, with its command."
    yield "`Watchdog` and `InfoInhibitor` are never posted; their absence is what says something."


def policy() -> str:
    """The page on the policy with a fresh table."""
    return filled("docs/policy.md", keys="\n".join(policy_rows()))


def policy_rows() -> Iterator[str]:
    """Every key of POLICY and what it means."""
    yield "| key | what it means |"
    yield "| --- | --- |"
    tables: dict[str, type[BaseModel]] = {
        "": parts.PolicyPart, "rules": parts.RulePart, "rules.match": parts.MatchPart, "windows": parts.WindowPart,
        "environments": parts.EnvironmentsPart,
    }  # fmt: skip
    for prefix, table in tables.items():
        for name, field in table.model_fields.items():
            path = ".".join(part for part in (prefix, name) if part)
            yield f"| `{path}`{' (needed)' if field.is_required() else ''} | {field.description} |"


def handlers() -> str:
    """The page on handlers with a fresh table of rows."""
    return filled("docs/handlers.md", rows="\n".join(row_rows()))


def row_rows() -> Iterator[str]:
    """What stands in each source's data: the key of its rows, and their fields."""
    yield "| source | `data` | each row |"
    yield "| --- | --- | --- |"
    for source, key, row in ROWS:
        shown = ", ".join(f"`{one.name}`" for one in fields(row))
        yield f"| `{source}` | `{key}` | {shown} |"


ROWS: tuple[tuple[str, str, type[Any]], ...] = (
    ("pods", "pods", PodRow), ("pods", "pods[].containers", observed.ContainerSeen), ("events", "events", EventRow),
    ("workload", "workload (one)", observed.WorkloadSeen), ("changes", "changes", observed.ChangeSeen),
    ("changes", "revisions", observed.RevisionSeen), ("logs", "logs", observed.LogSeen),
    ("metrics", "series", observed.SeriesSeen),
    ("log_errors", "before, after, since_rollout (one each)", observed.LogCountSeen),
    ("nodes", "nodes", observed.NodeSeen), ("jobs", "jobs", observed.JobSeen),
    ("volumes", "volumes", observed.VolumeSeen), ("config", "references", observed.ReferenceSeen),
    ("autoscalers", "autoscalers", observed.AutoscalerSeen), ("quotas", "quotas", observed.QuotaSeen),
    ("budgets", "budgets", observed.BudgetSeen), ("endpoints", "services", observed.ServiceSeen),
)  # fmt: skip


def scenarios() -> str:
    """The page on scenarios with fresh tables."""
    return filled("docs/scenarios.md", scenarios="\n".join(scenario_rows()).rstrip(), faults="\n".join(fault_rows()))


def playbook_schema() -> str:
    """The published schema."""
    return json.dumps(schema.json_schema(), indent=2, ensure_ascii=False) + "\n"


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


def findings_page() -> str:
    """The page of causes, from what each finding says of itself."""
    parts = [FINDINGS_HEAD.format(count=len(FINDERS), actions=", ".join(f"`{one}`" for one in sorted(MUTATING)))]
    for cause, finder in FINDERS.items():
        about = finder.about
        parts += [f"## `{cause}`: {about.words}", ""]
        sure = (("High", about.high), ("Medium", about.medium), ("Low", about.low))
        parts += [f"- **{name}**: {text}" for name, text in sure if text]
        parts += [f"- **Suggested**: {about.suggests}", ""]
    return "\n".join(parts)


FINDINGS_HEAD = """# Findings

Generated from `bot/findings/` by `docs/generate.py`.

A finding is a conclusion that cites evidence. Each of the {count} causes has one file and one pure function of the
snapshot; `bot/findings/ranked.py` orders what they say. The card shows the first.

- **Order**: high before medium before low; of equals the one that explains the others, in the order of this page. Two
  close ones each name the other as their doubt.
- **Confidence**: high if what decides was observed and nothing speaks against it. Each thing that speaks against it,
  or that it needs and couldn't be read, takes from it and stands in its doubt. A source that failed never counts as
  one that found nothing.
- **Proposals** follow from the first finding alone, from medium on. What would cure the second isn't done for the
  first. A finding without a cure says why, and who has to look.
- **Restarts** need a workload with running pods whose template is known not to have changed within 30 min before the
  first failure. They are never suggested for an image, configuration, room, a quota, a limit that is too small, a
  dependency, or an error that every start repeats.
- Actions that change the cluster: {actions}.
  Whether Fettle has one, and may use it, is decided elsewhere; what it can't do yet is shown with its command line.
"""

REDACTED = {
    "alerts": {
        "bot/workflow/arrivals.py": "links, an incident's key, and the names of alert, namespace and cluster",
        "bot/workflow/intake.py": "group key, receiver, and what can't be read",
        "bot/workflow/tables.py": "labels and annotations",
    },
    "the cluster": {
        "bot/kube/template.py": "arguments, commands; of `env` only names and “changed” are shown, values never",
        "bot/kube/logs.py": "errors in the place of a log",
        "bot/kube/containers.py": "last words and messages of states and conditions",
        "bot/kube/history.py": "`kubernetes.io/change-cause`",
        "bot/kube/keepers.py": "names of what keeps a workload (an Argo CD application, a Helm release)",
        "bot/kube/managers.py": "names of field managers: tokens alone",
        "bot/kube/workload.py": "the same",
        "bot/kube/errors.py": "errors of the API server and of admission webhooks",
        "bot/kube/execs.py": "what a command in a container said on its stderr",
        "bot/mitigations/diff.py": "the dry run's difference",
    },
    "evidence": {
        "bot/evidence/answer.py": "all free text of every collector",
        "bot/evidence/registry.py": "a registry's errors",
        "bot/evidence/events.py": "messages of events",
        "bot/evidence/signatures.py": "lines and traces of pods' logs and of Loki",
        "bot/evidence/log_errors.py": "Loki's problems",
        "bot/evidence/silences.py": "who silenced alerts, and what they wrote about it",
        "bot/evidence/metrics.py": "labels of series, Prometheus's problems",
        "bot/evidence/handler_calls.py": "what a handler gives, and its errors",
    },
    "other systems": {
        "bot/integrations/prometheus.py": "Prometheus's errors",
        "bot/integrations/alertmanager.py": "Alertmanager's errors",
        "bot/integrations/loki.py": "Loki's errors",
        "bot/integrations/pagerduty.py": "PagerDuty's errors",
        "bot/integrations/artifacts_drive.py": "Google Drive's errors",
        "bot/slack/errors.py": "errors of Slack's client",
    },
    "people": {
        "bot/workflow/verbs.py": "titles, reasons, and why alerts are silenced",
        "commands/asked.py": "the words of a slash command",
        "bot/audit_cli.py": "the reason to freeze",
    },
    "Fettle itself": {
        "bot/app.py": "its own tokens and passwords, as they are, in URLs and in base64",
        "bot/doctor.py": "the same",
        "bot/policy_cli.py": "the same",
        "bot/log.py": "every field of every line of the log",
        "bot/health.py": "problems on `/status` and `/readyz`",
        "bot/settings.py": "wrong settings that are told",
        "bot/secret_file.py": "secrets that were read again from their files",
        "bot/workflow/configured.py": "settings in the audit; of a secret only that it is set",
    },
}
"""What passes redaction, by its module."""


def security() -> str:
    """The page on security with fresh tables of what is hidden and where."""
    return filled(
        "docs/security.md",
        names="\n".join(name_rows()),
        shapes="\n".join(shape_rows()),
        redaction="\n".join(redaction_rows()),
    )


def shape_rows() -> Iterator[str]:
    """Every shape, and names as they are known."""
    yield "| what is told by its shape | for example | hidden |"
    yield "| --- | --- | --- |"
    for shape in SHAPES:
        part = "all of it" if shape.shown == HIDDEN else "its secret part"
        yield f"| {shape.name} | `{shape.example}` | {part} |"


NAMED = (
    "password=hunter2", '{"dbPassword": "hunter2"}', "--api-key hunter2", "the password is hunter2",
    "Cookie: a=hunter2", "<password>hunter2</password>", "password%3Dhunter2",
    '{"name":"DB_PASSWORD","value":"hunter2"}', "token expired", "password=null", "secretName: api-tls",
)  # fmt: skip


def name_rows() -> Iterator[str]:
    """Values behind the names of secrets, as they are written and as they are shown."""
    yield "| written | shown |"
    yield "| --- | --- |"
    for example in NAMED:
        yield f"| `{example}` | `{redact(example)}` |"


def redaction_rows() -> Iterator[str]:
    """Where redaction happens; a module that isn't in the table yet is told by the first line of its docstring."""
    known = {module for modules in REDACTED.values() for module in modules}
    files = [path for room in ("bot", "commands", "alerts") for path in sorted((ROOT / room).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)): path for path in files if "domain" not in path.parts and _redacts(path)}
    if gone := known - found.keys():
        raise SystemExit(f"REDACTED of docs/generate.py names what redacts nothing: {', '.join(sorted(gone))}")
    yield "| from | what passes redaction | in |"
    yield "| --- | --- | --- |"
    for source, modules in REDACTED.items():
        yield from (f"| {source} | {sentence} | `{module}` |" for module, sentence in modules.items())
    for module, path in found.items():
        if module not in known:
            first = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            yield f"| other | {first.partition(chr(10))[0]} | `{module}` |"


def _redacts(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return "from bot.domain.redaction import" in text or "import redaction\n" in text or "redaction.know(" in text


FILES = {
    "docs/alerts.md": alerts_page,
    "docs/findings.md": findings_page,
    "docs/state-machines.md": state_machines,
    "README.md": readme,
    ".env.example": env_example,
    "docs/handlers.md": handlers,
    "docs/playbooks.md": playbooks,
    "docs/policy.md": policy,
    "docs/playbook.schema.json": playbook_schema,
    "docs/security.md": security,
    "docs/scenarios.md": scenarios,
}


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
