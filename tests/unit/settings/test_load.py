"""Settings: every sentence, which source wins, and that no secret is ever said."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import settings as module
from bot.domain.errors import ConfigError
from bot.domain.mitigation import Action
from bot.domain.severity import Severity
from bot.settings import DESCRIPTIONS, SECRET, Settings, load, load_database_only, secret_files, suspicious

BASE = {"SLACK_BOT_TOKEN": "xoxb-1-abc", "SLACK_APP_TOKEN": "xapp-1-abc", "KUBECONFIG": "/k"}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Loads with files in a folder of its own."""

    def one(env: str = "", yaml: str = "", bare: bool = False, **environ: str) -> Settings:
        (tmp_path / ".env").write_text(env)
        (tmp_path / "fettle.yaml").write_text(yaml)
        return load(environ if bare else {**BASE, **environ}, tmp_path / ".env", tmp_path / "fettle.yaml")

    return one


def sentences(read: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(**more)
    return tuple(caught.value.sentences)


def test_two_tokens_and_a_kubeconfig_start_it_and_it_changes_nothing(read: Any) -> None:
    found = read()
    assert (found.may_act, found.webhook_open, found.short_soak, found.slack_is_real) == (False, True, False, True)
    assert (found.LISTEN_HOST, found.LISTEN_PORT, found.METRICS_HOST) == ("127.0.0.1", 8080, "127.0.0.1")
    assert f"sqlite:///{Path('data').absolute() / 'fettle.db'}" == found.DATABASE_URL
    assert timedelta(minutes=15) == found.APPROVAL_TTL
    assert dict(found.SEVERITY_MAP) == {"critical": Severity.SEV2, "warning": Severity.SEV3}


def test_where_something_is_missing_and_there_is_no_dotenv_that_is_said_first(tmp_path: Path) -> None:
    def told(**environ: str) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            load(environ, tmp_path / ".env", tmp_path / "fettle.yaml")
        return tuple(caught.value.sentences)

    first, *others = told()
    assert first == f"There is no .env in {tmp_path}: go to the folder that holds it, or name it with --env-file."
    assert [one.split()[0] for one in others] == ["KUBECONFIG", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    (tmp_path / ".env.example").touch()
    way = "cp .env.example .env, chmod 600 .env, then fill it in (README, step 3)"
    assert told()[0] == f"There is no .env in {tmp_path}: {way}."
    assert "no .env" not in " ".join(told(KUBERNETES_SERVICE_HOST="10.0.0.1")), "inside a pod there never is one"
    assert "no .env" not in " ".join(told(**{**BASE, "MODE": "x"})), "it lacks nothing"
    (tmp_path / ".env").touch()
    assert told()[0].startswith("KUBECONFIG is missing")


def test_the_environment_wins_over_dotenv_and_that_over_yaml(read: Any) -> None:
    yaml, env = "CLUSTER_NAME: yaml\nMODE: observe\nRETENTION_DAYS: 7\n", "CLUSTER_NAME=dotenv\nRETENTION_DAYS=8\n"
    found = read(env=env, yaml=yaml, RETENTION_DAYS="9")
    assert (found.CLUSTER_NAME, found.MODE, found.RETENTION_DAYS) == ("dotenv", "observe", 9)
    assert read(env=env, yaml=yaml, RETENTION_DAYS="").RETENTION_DAYS == 8, "empty is not given"


def test_a_webhook_token_opens_the_listener_to_all_addresses(read: Any) -> None:
    assert read(WEBHOOK_TOKENS="abcdefgh").LISTEN_HOST == "0.0.0.0"
    assert read(WEBHOOK_BASIC="ana:abcdefgh").LISTEN_HOST == "0.0.0.0"
    assert read(WEBHOOK_TOKENS="abcdefgh", LISTEN_HOST="[::1]").LISTEN_HOST == "::1"


def test_secrets_come_from_files_too_and_are_stripped(read: Any, tmp_path: Path) -> None:
    (tmp_path / "bot").write_text(" xoxb-2-file \n")
    environ = {**BASE, "SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKEN_FILE": str(tmp_path / "bot")}
    assert read(bare=True, **environ).SLACK_BOT_TOKEN.get_secret_value() == "xoxb-2-file"
    (tmp_path / "hooks").write_text("first-one\nsecond-one\n")
    assert len(read(yaml=f"webhook_tokens_file: {tmp_path / 'hooks'}").WEBHOOK_TOKENS) == 2


def test_what_is_wrong_with_a_secrets_file_is_said(read: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert sentences(read, SLACK_BOT_TOKEN_FILE="/x") == (
        "SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both given: keep one of them.",
    )
    for name, why in (("none", "can't be read (No such file or directory): name a readable file."),
                      ("binary", "can't be read (it is no text): name a readable file."),
                      ("empty", "is empty: write the value into it.")):  # fmt: skip
        (sentence,) = sentences(read, WEBHOOK_TOKENS_FILE=str(tmp_path / name))
        assert sentence.startswith(f"WEBHOOK_TOKENS_FILE is “{tmp_path / name}”, which {why}")


def test_everything_that_is_missing_is_said_at_once(read: Any) -> None:
    found = sentences(read, bare=True)
    assert [one.split(" is missing")[0] for one in found] == ["KUBECONFIG", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    in_pod = sentences(read, bare=True, KUBERNETES_SERVICE_HOST="10.0.0.1")
    assert [one.split(" is missing")[0] for one in in_pod] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


WRONG = [
    ("SLACK_BOT_TOKEN", "xapp-hush-hush", "SLACK_BOT_TOKEN holds an app-level token, which belongs into SLACK_APP"),
    ("SLACK_BOT_TOKEN", "hush-hush", "SLACK_BOT_TOKEN must begin with xoxb-; copy it from OAuth & Permissions"),
    ("SLACK_BOT_TOKEN", "xoxp-hush-hush", "SLACK_BOT_TOKEN holds a user's token, which Fettle doesn't use; "),
    ("SLACK_BOT_TOKEN", "xoxe.xoxb-hush-hush", "SLACK_BOT_TOKEN holds a token that rotates; switch token rotation off"),
    ("SLACK_BOT_TOKEN", '"xoxb-hush-hush"', "SLACK_BOT_TOKEN stands in quotation marks"),
    ("SLACK_APP_TOKEN", "xoxb-hush-hush", "SLACK_APP_TOKEN holds a bot token, which belongs into SLACK_BOT_TOKEN"),
    ("SLACK_APP_TOKEN", "hush-hush", "SLACK_APP_TOKEN must begin with xapp-; copy it from Basic Information"),
    ("SLACK_BOT_TOKEN", "xoxb-hush hush", "SLACK_BOT_TOKEN holds characters that no token has"),
    ("SLACK_CHANNEL_ID", "#general", "SLACK_CHANNEL_ID is “#general”: write the channel's id"),
    ("SLACK_API_URL", "https://evil.example/api/", "SLACK_API_URL is “https://evil.example/api/”: must be https://slack"),
    ("SLACK_API_URL", "http://[::1", "SLACK_API_URL is “http://[::1”: must be https://slack"),
    ("POST_TO_SHARED_CHANNELS", "maybe", "POST_TO_SHARED_CHANNELS is “maybe”: write true or false."),
    ("ALLOWED_NAMESPACES", "shop,*", "ALLOWED_NAMESPACES is “shop,*”: write names of namespaces"),
    ("ALLOWED_ACTIONS", "reboot", "ALLOWED_ACTIONS is “reboot”: write actions out of: "),
    ("ALLOWED_ACTIONS", "restart,Silence", "ALLOWED_ACTIONS names silence without ALERTMANAGER_URL"),
    ("AUTONOMY_ACTIONS", "silence", "AUTONOMY_ACTIONS is “silence”: write actions out of: "),
    ("SELF_APPROVE", "silence", "SELF_APPROVE is “silence”: write actions out of: "),
    ("SILENCE_MAX", "30s", "SILENCE_MAX is “30s”: write a duration between 1m and 7d."),
    ("SELF_APPROVE", "reboot", "SELF_APPROVE is “reboot”: write actions out of: "),
    ("APPROVERS", "@ana", "APPROVERS is “@ana”: write Slack ids"),
    ("MODE", "watch", "MODE is “watch”: write one of act, observe."),
    ("APPROVAL_TTL", "soon", "APPROVAL_TTL is “soon”: write a duration such as 90s, 15m or 1h30m."),
    ("APPROVAL_TTL", "2d", "APPROVAL_TTL is “2d”: write a duration between 1s and 1d."),
    ("KUBE_TIMEOUT", "0", "KUBE_TIMEOUT is “0”: write a duration between 0.1s and 5m."),
    ("RETENTION_DAYS", "ninety", "RETENTION_DAYS is “ninety”: write a whole number between 1 and 3650."),
    ("LISTEN_PORT", "70000", "LISTEN_PORT is “70000”: write a whole number between 0 and 65535."),
    ("METRICS_HOST", "example.org", "METRICS_HOST is “example.org”: write an IP address such as 127.0.0.1 or 0.0.0.0."),
    ("SEVERITY_MAP", "critical", "SEVERITY_MAP is “critical”: write words and severities"),
    ("SEVERITY_MAP", "critical=SEV1", "SEVERITY_MAP is “critical=SEV1”: can't give SEV1"),
    ("WEBHOOK_TOKENS", "hush-hush-1,hush-hush-2,hush-hush-3", "WEBHOOK_TOKENS holds more than two tokens"),
    ("WEBHOOK_TOKENS", "hush", "WEBHOOK_TOKENS holds a token that is shorter than 8 characters"),
    ("PAGERDUTY_SERVICES", "hush-hush-hush", "PAGERDUTY_SERVICES write name=routing key"),
    ("PAGERDUTY_SERVICES", "a=hush012345678901234567,a=hush765432109876543210", "PAGERDUTY_SERVICES names one service"),
    ("PAGERDUTY_URL", "events", "PAGERDUTY_URL is “events”: write its base address"),
    ("WATCHDOG_TIMEOUT", "5s", "WATCHDOG_TIMEOUT is “5s”: write a duration between 1m and 1d"),
    ("WEBHOOK_BASIC", "hush-hush-hush", "WEBHOOK_BASIC must be user:password"),
    ("WEBHOOK_BASIC", "a:hush-hush-1,b:hush-hush-2,c:hush-hush-3", "WEBHOOK_BASIC holds more than two pairs"),
    ("DATABASE_URL", "mysql://root:hush-hush@db/x", "DATABASE_URL must be sqlite:////path/to/fettle.db or postgresql"),
    ("LOG_FORMAT", "xml", "LOG_FORMAT is “xml”: write one of auto, json, console."),
    ("METRICS_PORT", "8080", "LISTEN_PORT and METRICS_PORT are both 8080: give each listener a port of its own."),
    ("DATA_DIR", "~nobody-at-all/x", "DATA_DIR is “~nobody-at-all/x”: begins with ~ and names nobody's home folder"),
    ("TLS_CERT", "/c.pem", "TLS_CERT is given without TLS_KEY: give both, or neither."),
    ("TLS_KEY", "/k.pem", "TLS_KEY is given without TLS_CERT: give both, or neither."),
    ("LISTEN_HOST", "0.0.0.0", "LISTEN_HOST is “0.0.0.0” without a webhook token, which would let anybody send alerts"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "start"), WRONG)
def test_each_wrong_setting_is_one_sentence_that_never_holds_a_secret(
    read: Any, name: str, value: str, start: str
) -> None:
    (sentence,) = sentences(read, **{name: value})
    assert sentence.startswith(start)
    assert sentence.endswith(".")
    assert "hush" not in sentence


def test_all_that_is_wrong_is_said_at_once(read: Any) -> None:
    found = sentences(read, yaml="modus: act\n", MODE="x", LISTEN_PORT="y", TLS_KEY="/k")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("yaml", "start"),
    [
        ("approver: U1\n", "has an unknown setting APPROVER: did you mean APPROVERS?"),
        ("zzzzzz: 1\n", "has an unknown setting ZZZZZZ: remove it"),
        ("- a\n", "holds no table: write one NAME: value a line."),
        ("a: [\n", "can't be read as YAML at line 2: write one NAME: value a line."),
        ("a: &x [1]\nMODE: *x\n", "can't be read as YAML at line 2"),
        ("# " + "x" * 1_100_000, "is larger than 1 MiB"),
        ("a: !!python/object/apply:os.system [id]\n", "can't be read as YAML at line 1"),
    ],
)
def test_a_yaml_file_that_cannot_be_meant_is_a_sentence(read: Any, tmp_path: Path, yaml: str, start: str) -> None:
    assert any(one.startswith(f"{tmp_path / 'fettle.yaml'} {start}") for one in sentences(read, yaml=yaml))


@pytest.mark.parametrize(
    ("env", "start"),
    [
        ("APROVERS=U1\n", "has APROVERS, which is no setting: did you mean APPROVERS?"),
        ("SLACK_CHANNEL=C1\n", "has SLACK_CHANNEL, which is no setting: did you mean SLACK_CHANNEL_ID?"),
        ("WEBHOOK_TOKEN_FILE=/x\n", "has WEBHOOK_TOKEN_FILE, which is no setting: did you mean WEBHOOK_TOKENS_FILE?"),
        ("MODE=act\nthis is no line\n", "can't be read at line 2: write one NAME=value a line."),
    ],
)
def test_a_dotenv_file_that_cannot_be_meant_is_a_sentence(read: Any, tmp_path: Path, env: str, start: str) -> None:
    (sentence,) = sentences(read, env=env)
    assert sentence == f"{tmp_path / '.env'} {start}"


def test_names_of_other_programs_in_a_dotenv_file_are_left_alone(read: Any) -> None:
    assert (
        read(env="COMPOSE_PROJECT_NAME=x\nFETTLE_URL=http://127.0.0.1\nPGHOST=db\nexport MODE=observe").MODE
        == "observe"
    )


def test_a_file_of_settings_that_is_no_text_or_a_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    for name, says in (("binary", "is no text in UTF-8"), ("folder", "is a folder")):
        for files in ((tmp_path / name, tmp_path / "none"), (tmp_path / "none", tmp_path / name)):
            with pytest.raises(ConfigError, match=says):
                load(BASE, *files)


def test_a_variable_that_is_nearly_a_setting_is_suspicious_and_no_more() -> None:
    """The environment holds other programs' names, so it must not keep Fettle from starting."""
    assert suspicious({**BASE, "APROVERS": "U1", "HOME": "/", "FETTLE_SERVICE_HOST": "10.0.0.1"}) == [
        "APROVERS is no setting: did you mean APPROVERS?"
    ]


def test_paths_may_begin_with_the_home_folder(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    found = read(DATA_DIR="~/fettle", FREEZE_FILE="~/freeze")
    assert [Path("/home/ana/fettle"), Path("/home/ana/freeze")] == [found.DATA_DIR, found.FREEZE_FILE]
    assert found.DATABASE_URL == "sqlite:////home/ana/fettle/fettle.db"


def test_the_files_that_hold_secrets_are_known(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"SLACK_BOT_TOKEN=xoxb-1\nWEBHOOK_TOKENS_FILE={tmp_path / 'hooks'}\n")
    (tmp_path / "fettle.yaml").write_text("mode: act\n")
    assert secret_files({}, tmp_path / ".env", tmp_path / "fettle.yaml") == {
        str(tmp_path / ".env"): tmp_path / ".env",
        "WEBHOOK_TOKENS": tmp_path / "hooks",
    }


def test_freezing_needs_no_word_of_what_isnt_about_the_store(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APROVERS=U1\n")
    assert load_database_only({"DATA_DIR": str(tmp_path)}, tmp_path / ".env", tmp_path / "n")
    (tmp_path / ".env").write_text("DATABSE_URL=sqlite:////x.db\n")
    with pytest.raises(ConfigError, match="did you mean DATABASE_URL"):
        load_database_only({}, tmp_path / ".env", tmp_path / "n")
    (tmp_path / ".env").write_text("so long\n")
    with pytest.raises(ConfigError, match="can't be read at line 1"):
        load_database_only({}, tmp_path / ".env", tmp_path / "n")
    assert load_database_only({"DATABASE_URL": "sqlite:////x.db"}, tmp_path / ".env", tmp_path / "n")


def test_yaml_speaks_its_own_types(read: Any) -> None:
    found = read(
        yaml="approvers: [U0ANA, S0SRE]\nallowed_actions: [restart]\nallowed_namespaces: [shop]\nfettle_frozen: on\n"
        "severity_map: {page: SEV2, ticket: 4}\nlisten_port: 9000\nverify_soak: 5\n"
    )
    assert (found.APPROVERS, found.approver_groups) == (("U0ANA", "S0SRE"), ("S0SRE",))
    assert (found.ALLOWED_ACTIONS, found.may_act, found.FETTLE_FROZEN) == ((Action("restart"),), True, True)
    assert dict(found.SEVERITY_MAP) == {"page": Severity.SEV2, "ticket": Severity.SEV4}
    assert (found.LISTEN_PORT, found.VERIFY_SOAK, found.short_soak) == (9000, timedelta(seconds=5), True)
    assert read(yaml="").MODE == "act"


def test_an_action_may_be_written_with_a_hyphen(read: Any) -> None:
    assert read(ALLOWED_ACTIONS="raise-autoscaler,scale").ALLOWED_ACTIONS == (Action.RAISE_AUTOSCALER, Action.SCALE)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("15m", 900), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), ("1 h", 3600)]
)
def test_durations_are_written_as_people_write_them(read: Any, text: str, seconds: float) -> None:
    assert read(KUBE_TIMEOUT="1s", REOPEN_WINDOW=text).REOPEN_WINDOW.total_seconds() == seconds


def test_lists_are_written_with_commas_or_lines_and_hold_nothing_twice(read: Any) -> None:
    assert read(ALLOWED_NAMESPACES=" shop, payments\nshop,,").ALLOWED_NAMESPACES == ("shop", "payments")


def test_addresses_have_one_form(read: Any) -> None:
    assert read(SLACK_API_URL="http://127.0.0.1:9/api").SLACK_API_URL == "http://127.0.0.1:9/api/"
    assert not read(SLACK_API_URL="http://localhost:9/api").slack_is_real
    assert read(DATABASE_URL="postgres://u@h/n").DATABASE_URL == "postgresql://u@h/n"


def test_the_own_namespace_is_the_pods(read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "namespace").write_text("ops\n")
    monkeypatch.setattr(module, "IN_CLUSTER_NAMESPACE", tmp_path / "namespace")
    assert (read().OWN_NAMESPACE, read(OWN_NAMESPACE="other").OWN_NAMESPACE) == ("ops", "other")


def test_no_form_of_the_settings_shows_a_secret(read: Any) -> None:
    found = read(
        SLACK_BOT_TOKEN="xoxb-hush-1", SLACK_APP_TOKEN="xapp-hush-2", WEBHOOK_TOKENS="hush-hush-3",
        WEBHOOK_BASIC="ana:hush-hush-4", DATABASE_URL="postgresql://ana:hush-hush-5@db/fettle",
    )  # fmt: skip
    assert "hush" not in f"{found!r} {found!s} {found.model_dump(exclude={'DATABASE_URL'})}"
    assert set(found.secrets()) == {"xoxb-hush-1", "xapp-hush-2", "hush-hush-3", "hush-hush-4", "hush-hush-5"}
    with pytest.raises(ValueError, match="frozen"):
        found.MODE = "observe"


def test_the_command_line_needs_the_store_alone(tmp_path: Path) -> None:
    found = load_database_only({"DATA_DIR": str(tmp_path), "MODE": "nonsense"}, tmp_path / "n", tmp_path / "n")
    assert f"sqlite:///{tmp_path / 'fettle.db'}" == found.DATABASE_URL
    with pytest.raises(ConfigError, match="RETENTION_DAYS is “x”"):
        load_database_only({"RETENTION_DAYS": "x"}, tmp_path / "n", tmp_path / "n")
    with pytest.raises(ConfigError, match="DATABASE_URL_FILE"):
        load_database_only(
            {"DATABASE_URL_FILE": "/none", "SLACK_BOT_TOKEN_FILE": "/none"}, tmp_path / "n", tmp_path / "n"
        )


def test_the_process_environment_is_what_counts_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*DESCRIPTIONS, *(f"{secret}_FILE" for secret in SECRET)]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name, value in {**BASE, "MODE": "Observe"}.items():
        monkeypatch.setenv(name, value)
    assert load().MODE == "observe"


def test_every_setting_is_described_in_one_sentence() -> None:
    assert set(DESCRIPTIONS) == set(Settings.model_fields)
    assert [name for name, text in DESCRIPTIONS.items() if not text.endswith(".")] == []


def test_services_of_a_pager_keep_their_order_and_their_keys_secret(read: Any) -> None:
    found = read(PAGERDUTY_SERVICES="shop=hush0123456789abcdefhush01234567, ops=hushabcdefabcdefhush012345678901")
    assert (list(found.PAGERDUTY_SERVICES), found.pager) == (["shop", "ops"], "shop")
    assert "hush0123456789" not in repr(found)
    assert "hush0123456789abcdefhush01234567" in found.secrets()
    assert read().pager == ""
