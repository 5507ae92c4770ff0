"""Each thing on the machine that a newcomer can get wrong: settings, files, database, ports, TLS."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from bot.storage.db import Store

from .wrong_place import NOWHERE, Place, Wrong, playbook, put


def dotenv(text: str) -> Callable[[Place], object]:
    """What ``.env`` holds."""
    return lambda place: place.file(".env", text)


def newer(place: Place) -> None:
    with closing(place.database("newer.db")):
        pass
    Path(place.folder / "newer.db").unlink()
    Store.open(place.settings["DATABASE_URL"]).close_now()
    with closing(place.database("newer.db")) as database, database:
        database.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_of_tomorrow', '2030-01-01')")


def foreign(place: Place) -> None:
    with closing(place.database("theirs.db")) as database, database:
        database.execute("CREATE TABLE invoices (id INTEGER)")


def torn(place: Place) -> None:
    place.file("torn.db", "this was never a database " * 100)
    place.settings["DATABASE_URL"] = f"sqlite:///{place.folder / 'torn.db'}"


def second_bot(place: Place) -> None:
    place.database("fettle.db").close()
    store = Store.open(place.settings["DATABASE_URL"])
    place.kept.append(SimpleNamespace(close=store.close_now))


def data_in_a_file(place: Place) -> None:
    del place.settings["DATABASE_URL"]
    place.settings["DATA_DIR"] = place.file("plain-file", "")


def taken(name: str) -> Callable[[Place], None]:
    """A port that another program has."""

    def take(place: Place) -> None:
        other = socket.create_server(("127.0.0.1", 0))
        place.kept.append(other)
        place.settings[name] = str(other.getsockname()[1])

    return take


def mismatched(place: Place) -> None:
    place.settings.update(TLS_CERT=place.certificate("one")[0], TLS_KEY=place.certificate("other")[1])


def readable(place: Place) -> None:
    path = place.file("bot-token", place.settings.pop("SLACK_BOT_TOKEN"))
    Path(path).chmod(0o644)
    place.settings["SLACK_BOT_TOKEN_FILE"] = path


def handlers(name: str, text: str, mode: int = 0o555) -> Callable[[Place], None]:
    """A folder of handlers with one file."""

    def lay(place: Place) -> None:
        folder = place.folder / "handlers"
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        (folder / f"{name}.py").chmod(0o444)
        folder.chmod(mode)
        place.settings["HANDLERS_DIR"] = str(folder)

    return lay


def paged_by(place: Place) -> None:
    """A playbook that names a service which the settings don't have."""
    put("PAGERDUTY_SERVICES", f"shop={'0' * 32}")(place)
    playbook("routing: {pagerduty: pay}\n")(place)


def with_pager(key: str, url: str) -> Callable[[Place], None]:
    """A service of PagerDuty with this key, at this address."""

    def arrange(place: Place) -> None:
        place.settings.update(PAGERDUTY_SERVICES=f"shop={key}", PAGERDUTY_URL=url or place.world.slack_server.url)

    return arrange


GONE = "http://127.0.0.1:9"

HERE = (
    Wrong(
        "no registry for set_image",
        put("ALLOWED_ACTIONS", "restart,set_image"),
        r"ALLOWED_ACTIONS names set_image: without a registry .* List the registries of your images, or take",
        "goes on",
        "warn",
    ),
    Wrong("handlers not there", put("HANDLERS_DIR", NOWHERE), r"HANDLERS_DIR is “/no/such/place”, .*: name a folder"),
    Wrong(
        "handlers open to others",
        handlers("Disk", "", 0o777),
        r"handlers may be written by its group or by everybody: chmod go-w",
    ),
    Wrong(
        "handler without class", handlers("Disk", "x = 1\n"), r"Disk.py has no class DiskHandler: a handler's class is"
    ),
    Wrong("handler no Python", handlers("Disk", "x = (\n"), r"Disk.py is no Python at line 1: '\(' was never closed"),
    Wrong(
        "handler without its module",
        handlers("Disk", "import acme_nowhere\n"),
        r"Disk.py needs the module acme_nowhere, which isn't installed here",
    ),
    Wrong("no handler", handlers("_", ""), r"HANDLERS_DIR is .*handlers, which holds no handler", "goes on", "warn"),
    Wrong("pagerduty key", with_pager("0" * 20, ""), r"key of shop has 20 characters and not 32", "goes on", "warn"),
    Wrong("no pagerduty key", put("PAGERDUTY_SERVICES", "shop="), r"PAGERDUTY_SERVICES write name=routing key"),
    Wrong(
        "pagerduty away",
        with_pager("0" * 32, GONE),
        r"PagerDuty can't be reached at http://127.0.0.1:9: connection refused\. Nobody is paged until",
        "goes on",
    ),
    Wrong(
        "service unknown",
        paged_by,
        r"mine names the service pay, and PAGERDUTY_SERVICES has none of that name: add pay=ROUTING_KEY",
        "goes on",
    ),
    Wrong(
        "policy wrong", put("POLICY", "rules: [{name: a, quorm: 2}]"), r"POLICY can't be used. Rule a: .*mean quorum\?"
    ),
    Wrong("policy away", put("POLICY_FILE", NOWHERE), r"POLICY_FILE is “/no/such/place”, which can't be read"),
    Wrong("prometheus away", put("PROMETHEUS_URL", GONE), r"Prometheus can't be reached .*without metrics", "goes on"),
    Wrong("alertmanager away", put("ALERTMANAGER_URL", GONE), r"Alertmanager can't be reached .*made good", "goes on"),
    Wrong("loki away", put("LOKI_URL", GONE), r"Loki can't be reached .*without Loki's error lines", "goes on"),
    Wrong("database of another kind", put("DATABASE_URL", "mysql://db/x"), r"DATABASE_URL must be sqlite:////path"),
    Wrong(
        "postgresql away",
        put("DATABASE_URL", "postgresql://fettle:sesame@127.0.0.1:1/fettle"),
        r"Connection refused. Start PostgreSQL, or put DATABASE_URL right",
    ),
    Wrong(
        "data folder a file", data_in_a_file, r"fettle.db can't be made.* (DATA_DIR or DATABASE_URL) to where it may"
    ),
    Wrong(
        "newer schema", newer, r"written by a newer version of this program \(9999_of_tomorrow\). Install that version"
    ),
    Wrong("another program's", foreign, r"theirs.db holds tables of another program \(invoices\)"),
    Wrong(
        "second bot",
        second_bot,
        r"is in use by the process with pid \d+. Stop that one first|audit has 0 entries",
        doctor="ok",
    ),
    Wrong("no database", torn, r"torn.db is no database of SQLite. DATABASE_URL names another file"),
    Wrong(
        "port taken", taken("LISTEN_PORT"), r"LISTEN_PORT: 127.0.0.1:\d+ is in use by another program. Stop that one"
    ),
    Wrong("metrics port taken", taken("METRICS_PORT"), r"METRICS_PORT: .* is in use by another program"),
    Wrong(
        "one port for both",
        lambda place: put("METRICS_PORT", place.settings["LISTEN_PORT"])(place),
        r"LISTEN_PORT and METRICS_PORT are both \d+",
    ),
    Wrong(
        "address of elsewhere", put("LISTEN_HOST", "192.0.2.1"), r"LISTEN_HOST: this machine has no address 192.0.2.1"
    ),
    Wrong(
        "certificate not there",
        lambda place: place.settings.update(TLS_CERT=NOWHERE, TLS_KEY=NOWHERE),
        r"TLS_CERT: /no/such/place can't be read \(no such file or directory\): name a PEM file",
    ),
    Wrong("key of another", mismatched, r"TLS_KEY: .*other.key isn't the key of the certificate in .*one.pem"),
    Wrong(
        "freeze folder gone",
        put("FREEZE_FILE", f"{NOWHERE}/freeze"),
        r"folder of FREEZE_FILE, /no/such/place, isn't there or .*: nothing is changed",
        "goes on",
    ),
    Wrong("frozen", put("FETTLE_FROZEN", "true"), r"starts with the kill switch on", "goes on", "warn"),
    Wrong(
        "token readable", readable, r"Everybody on this machine can read .*bot-token, .* chmod 600", "goes on", "warn"
    ),
    Wrong(
        "typing error in .env",
        dotenv("APROVERS=U1\n"),
        r"\.env has APROVERS, which is no setting: did you mean APPROVERS",
    ),
    Wrong("no line of .env", dotenv("this is none\n"), r"\.env can't be read at line 1: write one NAME=value a line"),
    Wrong(
        "typing error in YAML",
        lambda place: place.file("fettle.yaml", "approver: U1\n"),
        r"fettle.yaml has an unknown setting APPROVER: did you mean APPROVERS",
    ),
    Wrong("no YAML", lambda place: place.file("fettle.yaml", "a: [\n"), r"fettle.yaml can't be read as YAML at line 2"),
    Wrong("no duration", put("APPROVAL_TTL", "soon"), r"APPROVAL_TTL is “soon”: write a duration such as 90s"),
    Wrong("no mode", put("MODE", "obsrve"), r"MODE is “obsrve”: write one of act, observe"),
    Wrong(
        "open to all",
        lambda place: (place.settings.pop("WEBHOOK_TOKENS"), put("LISTEN_HOST", "0.0.0.0")(place)),
        r"LISTEN_HOST is “0.0.0.0” without a webhook token, .* set WEBHOOK_TOKENS",
    ),
    Wrong("playbooks not there", put("PLAYBOOKS_DIR", NOWHERE), r"/no/such/place"),
    Wrong("no alert yet", lambda _: None, r"first start makes it", "goes on", "ok"),
)
