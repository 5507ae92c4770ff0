"""``fettle policy`` against a real store, the sandbox's cluster and its Slack: it says what a press would do."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bot.__main__ import app, main
from bot.app_manifest import manifest
from bot.domain.decision import Rule
from bot.domain.errors import ConfigError, FettleError
from bot.policy_cli import Asked, explained
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.slack.server import SlackServer
from bot.settings import load
from bot.storage import freeze, people
from bot.storage.db import Store
from bot.workflow import explaining

DOCS = Path(__file__).parents[3] / "docs" / "policy.md"


class Desk:
    """A store that a bot has begun, a cluster and a Slack; ``explain`` is the command."""

    def __init__(self, folder: Path, cluster: ClusterServer, slack: SlackServer) -> None:
        self.folder, self.cluster, self.slack = folder, cluster, slack
        self.store = Store.open(f"sqlite:///{folder / 'fettle.db'}")
        (folder / "kubeconfig").write_text(cluster.kubeconfig("bot"))
        self.environ = {
            "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url,
            "KUBECONFIG": str(folder / "kubeconfig"), "DATA_DIR": str(folder), "ALLOWED_NAMESPACES": "shop",
            "ALLOWED_ACTIONS": "restart", "APPROVERS": "S0SRE", "KUBE_TIMEOUT": "2s", "SLACK_TIMEOUT": "2s",
        }  # fmt: skip

    async def explain(  # noqa: D102 - the command
        self, user: str = "U0ANA", action: str = "restart", target: str = "shop/api", *, severity: str = "",
        own: bool = False, **environ: str,
    ) -> int:  # fmt: skip
        settings = load({**self.environ, **environ}, self.folder / "none", self.folder / "none")
        return await explained(settings, Asked(user, action, target, severity, own), as_json=True)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    cluster, slack = ClusterServer(name="fettle-sandbox", ready_after=0.2), SlackServer(yaml.safe_load(manifest("")))
    await cluster.start()
    await slack.start()
    cluster.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    cluster.cluster.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.1")
    cluster.cluster.advance(3600)
    made = Desk(tmp_path, cluster, slack)
    yield made
    await made.store.close()
    await slack.stop()
    await cluster.stop()


def told(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The object, and its guards by name."""
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found, {one["guard"]: one for one in found["guards"]}


async def test_whoever_may_is_told_by_what(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert await desk.explain() == 0
    found, guards = told(capsys)
    assert found["allowed"] is True
    assert (found["approvers"], found["quorum"], found["within_seconds"]) == (["S0SRE"], 1, 900)
    assert guards["approval"]["says"] == ["named by APPROVERS, in S0SRE"]
    assert {one["allowed"] for one in guards.values()} == {True}
    assert guards["rates"]["says"] == ["0 of 2 an hour on it, 0 of 10 in all, 0 of 3 in flight"]


async def test_a_name_that_was_met_is_as_good_as_an_id(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    await desk.store.transact(people.person_for, "U0ANA", "ana", now)
    await desk.store.transact(people.name_groups, {"S0SRE": "sre-oncall"})
    assert await desk.explain("@ana") == 0
    assert told(capsys)[1]["approval"]["says"][0] == "named by APPROVERS, in @sre-oncall"
    await desk.store.transact(people.person_for, "U0OTHER", "ana", now)
    with pytest.raises(ConfigError, match="is the name of 2 people"):
        await desk.explain("ana")
    with pytest.raises(ConfigError, match="Nobody of the name “max” was met"):
        await desk.explain("max")


async def test_each_guard_says_why_not_under_its_own_name(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    policy = (
        "rules: [{name: prod, match: {severities: [SEV1]}, deny: Ask the data team}]\n"
        "windows: [{name: night, weekly: daily 00:00 - 00:00, zone: UTC}]"
    )
    on = True
    await desk.store.transact(freeze.set_frozen, on, "cli:root", "migration", datetime.now(UTC))
    desk.cluster.deny("patch", "deployments", "shop")
    desk.cluster.cluster.annotate("Deployment", "shop", "api", {"fettle/deny": "restart"})
    code = await desk.explain(
        "U0BO", severity="SEV1", own=True, POLICY=policy, ALLOWED_ACTIONS="rollback", ALLOWED_NAMESPACES="pay",
        MODE="observe",
    )  # fmt: skip
    assert code == 1
    found, guards = told(capsys)
    assert found["severity"] == "SEV1"
    denied = {name for name, one in guards.items() if not one["allowed"]}
    assert denied == {
        "mode", "action", "namespace", "annotations", "rules", "windows", "kill switch", "rights", "approval",
        "own request",
    }  # fmt: skip
    assert guards["rules"]["says"] == ["The policy prod denies restart in shop: Ask the data team."]
    assert "migration" in guards["kill switch"]["says"][0]
    assert guards["approval"]["says"][0].startswith(
        "@bo, only those whom APPROVERS names may approve a restart in shop"
    )


async def test_what_rules_want_and_which_environment_it_is_stands_there(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = "environments: {namespaces: {prod: [shop]}}\nrules: [{name: two, quorum: 2, expires: 5m}]"
    assert await desk.explain(POLICY=policy) == 0
    found, guards = told(capsys)
    assert (found["environment"], found["quorum"], found["within_seconds"]) == ("prod", 2, 300)
    assert guards["rules"]["says"] == ["two: 2 different people, within 5 min", "environment: prod"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("guest", "guests may not"), ("deleted", "deactivated"), ("bot", "is an app"),
        ("stranger", "in another organisation"),
    ],
)  # fmt: skip
async def test_who_is_no_living_member_is_told_as_such(
    desk: Desk, capsys: pytest.CaptureFixture[str], kind: str, said: str
) -> None:
    person = desk.slack.workspace.people["U0ANA"]
    person.kind = "guest" if kind == "guest" else kind  # type: ignore[assignment]
    person.team_id = "T0OTHER" if kind == "stranger" else person.team_id
    assert await desk.explain() == 1
    assert said in told(capsys)[1]["identity"]["says"][0]


async def test_groups_are_asked_now_and_not_as_they_were_once(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """What the store has may be a day old while nothing waits for anybody."""
    await desk.store.transact(people.set_group, "S0SRE", ("U0BO",), datetime.now(UTC) - timedelta(days=1))
    assert await desk.explain("U0BO") == 1
    assert await desk.explain("U0ANA") == 0
    capsys.readouterr()


async def test_without_slack_it_says_what_it_can_not_tell(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.store.transact(people.set_group, "S0SRE", ("U0ANA",), datetime.now(UTC))
    await desk.slack.stop()
    assert await desk.explain() == 2
    found, guards = told(capsys)
    assert found["allowed"] is None
    assert guards["identity"]["says"][0].startswith("Slack didn't say who U0ANA is")
    await desk.slack.start()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"action": "reboot"}, "“reboot” is no action that Fettle has; there are restart"),
        ({"target": "shop/web"}, "There is no workload shop/web. In shop there are: shop/api."),
        ({"target": "api"}, "names no workload"),
        ({"severity": "high"}, "“high” is not a severity"),
    ],
)
async def test_what_can_not_be_meant_is_a_sentence(desk: Desk, changes: dict[str, str], said: str) -> None:
    with pytest.raises(FettleError, match=said):
        await desk.explain(**changes)


async def test_a_cluster_that_does_not_answer_is_a_sentence(desk: Desk) -> None:
    await desk.cluster.stop()
    with pytest.raises(FettleError):
        await desk.explain()
    await desk.cluster.start()


async def test_it_writes_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    def rows(tx: Any) -> list[int]:
        tables = ("audit", "proposals", "people", "outbox", "due", "facts")
        return [tx.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]  # noqa: S608 - our own

    before = await desk.store.read(rows)
    await desk.explain()
    assert await desk.store.read(rows) == before
    assert not [one for one in desk.cluster.requests if one.method not in {"GET", "POST"}]
    capsys.readouterr()


async def test_the_command_prints_a_line_a_guard_and_exits_by_the_answer(desk: Desk) -> None:
    """A program of its own, beside a store that is open, as a person starts it."""
    for user, code, last in (
        ("U0ANA", 0, "Allowed: it would be proposed, and this person may approve it."),
        ("U0BO", 1, "Not allowed, because of: approval."),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "policy", "explain", "restart", "shop/api", "--as", user, cwd=desk.folder,
            env={**desk.environ, "PATH": os.environ["PATH"], "PYTHONPATH": str(DOCS.parents[1])},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        lines = out.decode().splitlines()
        assert process.returncode == code, lines
        assert lines[0].startswith("restart of Deployment shop/api as @")
        assert lines[-2:] == ["Needs 1 of @S0SRE, within 15 min", last]
        assert any(line.split() == ["mode", "ok", "MODE=act"] for line in lines)


def test_every_rule_of_policy_has_its_guard() -> None:
    known = frozenset().union(*explaining.GUARDS.values())
    assert not known & explaining.OF_A_PROPOSAL
    assert sum(map(len, explaining.GUARDS.values())) == len(known)
    assert set(Rule) - known - explaining.OF_A_PROPOSAL == set(), "a guard that came later has to be told too"


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["policy", *arguments])
    return found.exit_code, found.output


def test_a_policy_that_is_right_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "rules: [{name: a, quorum: 2}]\nwindows: [{name: w, weekly: daily 00:00 - 00:00, zone: UTC}]"
    )
    code, out = run("check", str(tmp_path / "p.yaml"))
    assert code == 0
    assert out.splitlines()[:2] == [
        "rule a: every action: 2 different people", "window w: every action: daily 00:00 - 00:00, UTC"
    ]  # fmt: skip
    assert "On now: w, without an end" in out
    code, out = run("check", str(tmp_path / "p.yaml"), "--json")
    found = json.loads(out)
    assert (code, found["ok"], len(found["lines"]), list(found["on"])) == (0, True, 2, ["w"])


def test_a_policy_that_is_wrong_says_each_thing_and_exits_with_one(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("rules: [{name: a, quorum: 9}, {name: b, quorm: 1}]")
    code, out = run("check", str(tmp_path / "p.yaml"))
    assert code == 1
    assert out.splitlines() == [
        "Rule a, quorum: write a whole number between 1 and 5.", "Rule b: quorm is no key here: did you mean quorum?"
    ]  # fmt: skip
    code, out = run("check", str(tmp_path / "p.yaml"), "--json")
    assert (code, json.loads(out)["ok"], len(json.loads(out)["wrong"])) == (1, False, 2)


def test_the_settings_policy_is_checked_without_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("check") == (0, "Nothing is narrowed: there is no rule and no window.\n")
    (tmp_path / "fettle.yaml").write_text("policy:\n  rules: [{name: a}]\n")
    code, out = run("check")
    assert code == 1
    assert out.startswith("POLICY can't be used. Rule a: takes nothing away")


def test_a_file_that_can_not_be_read_has_to_be_named_right_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fettle", "policy", "check", "/none"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err == "/none can't be read (No such file or directory): name a file with a policy.\n"


def test_each_policy_of_the_page_on_policies_is_right(tmp_path: Path) -> None:
    every = DOCS.read_text(encoding="utf-8").split("```yaml\n")[1:]
    blocks = [one for one in every if one.startswith("POLICY:\n")]
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.yaml"
        lines = block.split("```")[0].splitlines()
        assert lines[0] == "POLICY:"
        file.write_text("\n".join(line.removeprefix("  ") for line in lines[1:]), encoding="utf-8")
        code, out = run("check", str(file))
        assert code == 0, out


def test_the_other_examples_of_that_page_are_settings(tmp_path: Path) -> None:
    every = [one.split("```")[0] for one in DOCS.read_text(encoding="utf-8").split("```yaml\n")[1:]]
    others = [one for one in every if not one.startswith("POLICY:\n")]
    assert others
    for number, block in enumerate(others):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block, encoding="utf-8")
        environ = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k"}
        load(environ, tmp_path / "none", file)


async def test_a_rollout_that_hangs_on_its_image_is_no_reason_against_another_one(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the command says of a change of image is what a proposal would be told."""
    shop = desk.cluster.cluster
    shop.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.3", behaviour="image-missing")
    shop.advance(30)
    assert await desk.explain(action="set_image", ALLOWED_ACTIONS="set_image,restart") == 0
    assert told(capsys)[1]["state"]["allowed"] is True
    assert await desk.explain(action="restart", ALLOWED_ACTIONS="set_image,restart") == 1
    assert told(capsys)[1]["state"]["allowed"] is False


async def test_whether_the_cluster_lets_the_person_do_it_themselves_is_told(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.cluster.access.allow("create", "subjectaccessreviews")
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}
    desk.cluster.access.people.bind("fixers", [rule], group="sre", namespace="shop")
    wanted = {"REQUIRE_RBAC": "true", "CLUSTER_USERS": "U0ANA=ana groups=sre, U0LI=li"}
    assert await desk.explain(**wanted) == 0
    says = told(capsys)[1]["own rights"]["says"]
    assert says == ["ana in sre may get deployments.apps, patch deployments.apps"]
    assert await desk.explain("U0LI", **wanted) == 1
    (said,) = told(capsys)[1]["own rights"]["says"]
    assert "your account li may not `get deployments.apps`, `patch deployments.apps` in shop" in said
    assert await desk.explain() == 0
    assert told(capsys)[1]["own rights"]["says"] == ["not asked (REQUIRE_RBAC)"]


@pytest.mark.parametrize("scopes", [True, False])
async def test_an_address_that_slack_tells_makes_the_user(
    desk: Desk, capsys: pytest.CaptureFixture[str], scopes: bool
) -> None:
    desk.slack.scopes = (desk.slack.scopes or frozenset()) | ({"users:read.email"} if scopes else set())
    desk.cluster.access.allow("create", "subjectaccessreviews")
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}
    desk.cluster.access.people.bind("fixers", [rule], user="oidc:ana@example.test", namespace="shop")
    code = await desk.explain(REQUIRE_RBAC="true", CLUSTER_USERS='"*": "oidc:{email}"')
    said = told(capsys)[1]["own rights"]["says"][0]
    assert (code, "oidc:ana@example.test may get" in said) == ((0, True) if scopes else (1, False))
    assert ("users:read.email" in said) is not scopes


async def test_who_is_on_call_now_is_told_by_the_schedule(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    table = "{sre: {people: [U0ANA], handover: daily 09:00, starts: 2026-11-02, zone: UTC}}"
    wanted = {"ONCALL": table, "POLICY": "rules: [{name: prod, approvers: ['oncall:sre']}]"}
    assert await desk.explain(**wanted) == 0
    found, guards = told(capsys)
    assert guards["approval"]["says"][0] == "named by policy prod, in whoever is on call (sre)"
    assert found["approvers"] == ["oncall:sre", "U0ANA"] or found["approvers"] == ["oncall:sre"]
    assert await desk.explain("U0LI", **wanted) == 1
    assert "only whoever is on call (sre) may approve" in told(capsys)[1]["approval"]["says"][0]


async def test_a_schedule_that_can_not_be_read_is_unknown_and_not_nobody(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = {"ONCALL": "pagerduty: PABC123", "APPROVERS": "oncall", "PAGERDUTY_API_TOKEN": "u+x"}
    code = await desk.explain(PAGERDUTY_API_URL="http://127.0.0.1:9", **wanted)
    output = capsys.readouterr()
    assert (code, json.loads(output.out.splitlines()[-1])["allowed"]) == (2, None)
