"""The command line: ``run``, ``sandbox``, ``doctor``, ``audit``, ``playbooks``, ...; each imports its own rooms.

Exit codes: 0 done; 1 what was asked came out bad (a broken chain, a scenario that ended otherwise, a failed check);
2 something has to be put right first, and a sentence says what. It refuses to approve anything: the command line can
freeze, it can never approve.
"""

from __future__ import annotations

import gc
import getpass
import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli_options import DOTENV, EnvFile, Json
from bot.domain.errors import ConfigError, FettleError

app = typer.Typer(
    name="fettle",
    help="A Slack-first on-call responder for Kubernetes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audit_app = typer.Typer(help="Read and check the audit.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
alert_app = typer.Typer(help="Try the way of an alert.", no_args_is_help=True)
app.add_typer(alert_app, name="alert")
store_app = typer.Typer(help="Copy the store, put a copy back, forget what is old.", no_args_is_help=True)
app.add_typer(store_app, name="store")
playbooks_app = typer.Typer(help="See, check and try playbooks.", no_args_is_help=True)
app.add_typer(playbooks_app, name="playbooks")
policy_app = typer.Typer(help="See and check the policy.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
shadow_app = typer.Typer(help="Proposals against what people did.", no_args_is_help=True)
app.add_typer(shadow_app, name="shadow")
artifacts_app = typer.Typer(help="Dumps that are kept.", no_args_is_help=True)
app.add_typer(artifacts_app, name="artifacts")


@app.command()
def run(
    env_file: EnvFile = DOTENV,
    sandbox_clock: Annotated[int, typer.Option("--sandbox-clock", hidden=True)] = -1,
) -> None:
    """Run the bot: alerts in, cards out, approved mitigations carried out and verified."""
    from bot import app as program

    moved = None
    if sandbox_clock >= 0:  # `fettle sandbox` starts a bot so, whose time it lets pass
        moved_time = _sandbox("moved_time")
        try:
            moved = moved_time.Moved(sandbox_clock)
        except moved_time.NoLineError as error:
            raise ConfigError([str(error)]) from error
    gc.freeze()  # what is imported stays: it needn't be looked through for garbage while somebody waits for an answer
    raise typer.Exit(program.main(env_file, moved))


@app.command()
def doctor(env_file: EnvFile = DOTENV, *, json: Json = False) -> None:
    """Check tokens, channel, groups, cluster and database; say what each missing setting would add."""
    from bot import doctor as checks

    raise typer.Exit(checks.main(env_file, as_json=json))


@app.command()
def freeze(
    switch: Annotated[str, typer.Argument(help="on or off")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; shown to whoever presses Approve.")] = "",
    env_file: EnvFile = DOTENV,
) -> None:
    """Turn the kill switch on or off: while it is on, nothing is changed in the cluster."""
    from bot import audit_cli, settings

    if switch not in {"on", "off"}:
        typer.echo(f"“{switch}” is neither on nor off.", err=True)
        raise typer.Exit(2)
    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    channel = settings.load_channel_only(env_file=env_file)
    raise typer.Exit(audit_cli.freeze(url, switch == "on", reason, f"cli:{getpass.getuser()}", channel))


@audit_app.command("list")
def audit_list(
    *,
    json: Json = False,
    incident: Annotated[int, typer.Option("--incident", "-i", help="Only this incident (its number).")] = 0,
    limit: Annotated[int, typer.Option("--limit", "-n", help="The newest N entries; 0 for all.")] = 200,
    env_file: EnvFile = DOTENV,
) -> None:
    """Print the audit as a table: who did what to what, when, with which outcome and reason."""
    from bot import audit_cli, settings

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(audit_cli.audit_list(url, json_lines=json, incident=incident or None, limit=limit))


@audit_app.command("verify")
def audit_verify(
    head: Annotated[str, typer.Option("--head", help="A head noted elsewhere; it must be in the chain.")] = "",
    env_file: EnvFile = DOTENV,
) -> None:
    """Check that the chain has no gap, no change and no other head than the one noted."""
    from bot import audit_cli, settings

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(audit_cli.audit_verify(url, head or None))


@audit_app.command("export")
def audit_export(
    form: Annotated[str, typer.Option("--format", "-f", help="json (lines) or csv")] = "json",
    out: Annotated[str, typer.Option("--out", "-o", help="A file, or - for standard output.")] = "-",
    env_file: EnvFile = DOTENV,
) -> None:
    """Write the whole audit as JSON lines or CSV."""
    from bot import audit_cli, settings

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(audit_cli.audit_export(url, form, out))


@store_app.command("backup")
def store_backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    env_file: EnvFile = DOTENV,
) -> None:
    """Write a consistent copy of the store while the bot runs."""
    from bot import settings, store_cli

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(store_cli.backup(url, file))


@store_app.command("restore")
def store_restore(
    file: Annotated[Path, typer.Argument(help="A copy that `fettle store backup` wrote.")],
    env_file: EnvFile = DOTENV,
) -> None:
    """Put a copy in the store's place, with the bot stopped; open approvals are void afterwards."""
    from bot import settings, store_cli

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(store_cli.restore(url, file, f"cli:{getpass.getuser()}"))


@store_app.command("void")
def store_void(env_file: EnvFile = DOTENV) -> None:
    """After the store was put back by other means (pg_restore, a snapshot), bots stopped: void open approvals."""
    from bot import settings, store_cli

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(store_cli.void(url, f"cli:{getpass.getuser()}"))


@store_app.command("purge")
def store_purge(
    before: Annotated[str, typer.Option("--before", help="Erase what is older than this date (UTC).")] = "",
    older_than: Annotated[int | None, typer.Option("--older-than", help="The same, in days.")] = None,
    person: Annotated[str, typer.Option("--person", help="A Slack user id: forget that person.")] = "",
    env_file: EnvFile = DOTENV,
) -> None:
    """Erase bodies, evidence and reasons of what ended long ago (RETENTION_DAYS), or forget a person."""
    from bot import settings, store_cli

    store = settings.load_database_only(env_file=env_file)
    at = store_cli.moment(before, older_than, store.RETENTION_DAYS, default=not person)
    raise typer.Exit(store_cli.erase(store.DATABASE_URL, at, person, f"cli:{getpass.getuser()}"))


@app.command()
def manifest(
    command_suffix: Annotated[
        str, typer.Option("--command-suffix", help="One app a cluster: eu makes /incident-eu; set COMMAND_SUFFIX too.")
    ] = "",
    emails: Annotated[bool, typer.Option(help="Ask Slack for e-mail addresses too (CLUSTER_USERS, ONCALL).")] = False,
) -> None:
    """Print the Slack app's manifest, to paste at Slack when the app is created."""
    from bot import app_manifest

    raise typer.Exit(app_manifest.main(command_suffix, emails=emails))


@alert_app.command("send")
def alert_send(
    file: Annotated[
        str, typer.Argument(help="A delivery or an alert as JSON, - for standard input; else a test.")
    ] = "",
    url: Annotated[str, typer.Option("--url", help="Where Fettle listens; else as the settings say, here.")] = "",
    env_file: EnvFile = DOTENV,
    *,
    json: Json = False,
) -> None:
    """Send an alert to a running Fettle and print what came of it; without a file one that says it is a test."""
    from bot import alert_cli

    raise typer.Exit(alert_cli.main(file, url, env_file, as_json=json))


@playbooks_app.command("list")
def playbooks_list(env_file: EnvFile = Path(".env"), *, json: Json = False) -> None:
    """List the playbooks in the order in which they are asked: whose they are, what for, what they may propose."""
    from bot import playbooks_cli

    raise typer.Exit(playbooks_cli.list_playbooks(env_file, as_json=json))


@playbooks_app.command("check")
def playbooks_check(
    folder: Annotated[Path | None, typer.Argument(help="A folder of playbooks; else PLAYBOOKS_DIR.")] = None,
    env_file: EnvFile = Path(".env"),
    *,
    json: Json = False,
) -> None:
    """Say what is wrong in a folder of playbooks, with file and line; else what it changes, and what widens."""
    from bot import playbooks_cli

    raise typer.Exit(playbooks_cli.check(folder, env_file, as_json=json))


@playbooks_app.command("explain")
def playbooks_explain(
    file: Annotated[
        str, typer.Argument(help="A delivery, an alert or a list of alerts as JSON; - for standard input.")
    ] = "",
    incident: Annotated[
        int, typer.Option("--incident", "-i", help="An incident of the store: what was seen of it.")
    ] = 0,
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="A recorded snapshot: shows what is found, and the proposal.")
    ] = None,
    save: Annotated[Path | None, typer.Option("--save", help="Record the incident's snapshot in this file.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--playbooks", help="A folder of playbooks; else the settings'.")
    ] = None,
    env_file: EnvFile = Path(".env"),
    *,
    json: Json = False,
) -> None:
    """Say which playbook an alert gets and why no other, what is collected, and what each finding would lead to."""
    from bot import playbooks_cli

    asked = playbooks_cli.Asked(file, incident, snapshot, save, folder)
    raise typer.Exit(playbooks_cli.explain_alert(asked, env_file, as_json=json))


@playbooks_app.command("replay")
def playbooks_replay(
    file: Annotated[
        Path, typer.Argument(help="Recorded notifications, one JSON a line; {at, body} or the body alone.")
    ],
    folder: Annotated[
        Path | None, typer.Option("--playbooks", help="A folder of playbooks; else the settings'.")
    ] = None,
    env_file: EnvFile = Path(".env"),
    *,
    json: Json = False,
) -> None:
    """Play recorded notifications through the intake's rules: which incidents, and which playbook each gets."""
    from bot import replay_cli

    raise typer.Exit(replay_cli.main(file, env_file, folder, as_json=json))


@policy_app.command("check")
def policy_check(
    file: Annotated[Path | None, typer.Argument(help="A file with a policy; else that of the settings.")] = None,
    env_file: EnvFile = DOTENV,
    *,
    json: Json = False,
) -> None:
    """Say what is wrong in the policy, each thing with its rule; else every rule and window in words."""
    from bot import policy_cli

    raise typer.Exit(policy_cli.check(file, env_file, as_json=json))


@policy_app.command("explain")
def policy_explain(
    action: Annotated[str, typer.Argument(help="An action, such as restart.")],
    target: Annotated[str, typer.Argument(help="A target, such as shop/api.")],
    user: Annotated[str, typer.Option("--as", help="Who would approve: a Slack id, or a name that Fettle met.")],
    severity: Annotated[str, typer.Option("--severity", help="Of the incident; else that of the open one.")] = "",
    env_file: EnvFile = DOTENV,
    *,
    own: Annotated[bool, typer.Option("--own", help="As if that person had asked for it.")] = False,
    json: Json = False,
) -> None:
    """Say why somebody may approve an action on a target or may not: each guard with its word and reasons."""
    from bot import policy_cli

    asked = policy_cli.Asked(user, action, target, severity, own)
    raise typer.Exit(policy_cli.explain(asked, env_file, as_json=json))


@artifacts_app.command("list")
def artifacts_list(*, json: Json = False, env_file: EnvFile = DOTENV) -> None:
    """List the dumps that are kept: of which incident, how large, until when, and where."""
    from bot import artifacts_cli, settings

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(artifacts_cli.listed(url, as_json=json))


@artifacts_app.command("get")
def artifacts_get(
    number: Annotated[int, typer.Argument(help="Its id in the list.")],
    to: Annotated[Path | None, typer.Option("--to", help="File or folder of the copy.")] = None,
    env_file: EnvFile = DOTENV,
) -> None:
    """Copy a dump out of the folder, its digest checked; of one in S3 or Drive, print where to open it."""
    from bot import artifacts_cli, settings

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(artifacts_cli.get(url, number, to))


@shadow_app.command("report")
def shadow_report(
    since: Annotated[str, typer.Option("--since", help="Incidents from then on: 30d, or a date (UTC).")] = "30d",
    playbook: Annotated[str, typer.Option("--playbook", help="Only this playbook's.")] = "",
    env_file: EnvFile = DOTENV,
    *,
    json: Json = False,
) -> None:
    """Compare Fettle's first proposals with what people then did, by playbook: when to leave observe mode."""
    from bot import settings, shadow_cli

    url = settings.load_database_only(env_file=env_file).DATABASE_URL
    raise typer.Exit(shadow_cli.report(url, since, playbook, as_json=json))


@app.command()
def sandbox(
    *,
    headless: Annotated[bool, typer.Option("--headless", help="No page: drive a scenario and print it.")] = False,
    scenario: Annotated[str, typer.Option("--scenario", help="A scenario's name or file, or all.")] = "",
    playbooks: Annotated[Path | None, typer.Option("--playbooks", help="Folder of your own playbooks.")] = None,
    breaks: Annotated[str, typer.Option("--break", help="Break the cluster in this way, and fire its alert.")] = "",
    list_scenarios: Annotated[bool, typer.Option("--list", help="List the scenarios and breakages.")] = False,
    env: Annotated[Path | None, typer.Option("--env", help="Write addresses and tokens as a dotenv file.")] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Fire a first alert.")] = True,
    data: Annotated[Path | None, typer.Option("--data", help="Keep the state in this folder.")] = None,
    bot: Annotated[bool, typer.Option("--bot/--no-bot", help="Start the bot too.")] = True,
    port: Annotated[int, typer.Option("--port", help="Port of the page; 0 takes a free one.")] = 0,
    plain: Annotated[bool, typer.Option("--plain", help="Headless at a terminal: lines, no picture.")] = False,
) -> None:
    """Start a local Slack and a local cluster with the bot in between; nothing leaves this machine."""
    cli = _sandbox("cli")
    options = cli.SandboxOptions(
        headless=headless, scenario=scenario, breaks=breaks, list_scenarios=list_scenarios, env=env, demo=demo,
        data=data, bot=bot, port=port, playbooks=playbooks, plain=plain,
    )  # fmt: skip
    raise typer.Exit(cli.run(options))


def _sandbox(module: str) -> Any:
    """A module of the sandbox, which an image for production lacks: then a sentence and exit code 2."""
    try:
        return importlib.import_module(f"bot.sandbox.{module}")
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("bot."):
            text = "The sandbox isn't in this image; run make sandbox in a copy of Fettle's sources."
        else:
            text = f"The sandbox isn't installed here ({missing.name}): pip install 'fettle-bot[sandbox]'."
        typer.echo(text, err=True)
        raise typer.Exit(2) from missing


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    typer.echo(f"fettle {installed('fettle-bot')}")


def main() -> None:
    """Run the command line; errors of the domain become sentences and exit code 2."""
    gc.set_threshold(50_000, 20, 20)  # imports make hardly any garbage, and to look for it is a third of a start
    try:
        app()
    except ConfigError as error:
        for sentence in error.sentences:
            typer.echo(sentence, err=True)
        sys.exit(2)
    except FettleError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
