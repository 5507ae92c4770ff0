"""What the doctor says where approvals go by people's own rights: whether they can be asked, and whom nobody maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import doctor_cluster
from bot.doctor_table import Level
from bot.sandbox.kubernetes.server import ClusterServer
from bot.settings import load

BASE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "APPROVERS": "U0ANA,U0BO,S0SRE"}
ROWS: dict[str, tuple[dict[str, str], bool, list[tuple[Level, str]]]] = {
    "off": ({}, True, []),
    "all there": (
        {"REQUIRE_RBAC": "true", "CLUSTER_USERS": "U0ANA=ana, U0BO=bo"}, True,
        [(Level.OK, "May ask what people may do themselves.")],
    ),
    "no role": (
        {"REQUIRE_RBAC": "true", "CLUSTER_USERS": "U0ANA=ana, U0BO=bo"}, False,
        [(Level.FAIL, "kubectl apply -f deploy/bind-review.yaml")],
    ),
    "nobody mapped": ({"REQUIRE_RBAC": "true"}, True, [(Level.FAIL, "CLUSTER_USERS names nobody")]),
    "one is missing": (
        {"REQUIRE_RBAC": "true", "CLUSTER_USERS": "U0ANA=ana"}, True,
        [(Level.WARN, "CLUSTER_USERS doesn't name U0BO: what they approve is refused.")],
    ),
    "made of addresses": (
        {"REQUIRE_RBAC": "true", "CLUSTER_USERS": '"*": "{email}"'}, True, [(Level.OK, "May ask")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
async def test_the_row_says_what_is_missing(tmp_path: Path, case: str) -> None:
    more, role, expected = ROWS[case]
    server = ClusterServer(name="fettle-sandbox")
    await server.start()
    try:
        if role:
            server.access.allow("create", "subjectaccessreviews")
        (tmp_path / "kubeconfig").write_text(server.kubeconfig("bot"))
        environ = {**BASE, "KUBECONFIG": str(tmp_path / "kubeconfig"), **more}
        rows = await doctor_cluster.rows(load(environ, tmp_path / "none", tmp_path / "none"))
    finally:
        await server.stop()
    found = [row for row in rows if row.check == "REQUIRE_RBAC"]
    assert [row.level for row in found] == [level for level, _ in expected]
    assert all(told in row.sentence for row, (_, told) in zip(found, expected, strict=True))
    beyond = [row for row in rows if "subjectaccessreviews" in row.sentence and row.check == "rights"]
    assert bool(beyond) is (case == "off"), "a right that nothing uses helps only who steals the token"
