"""One table of faults: the page, the scenarios and the documents know the same ones, and all that the servers have."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.sandbox.alertmanager import Alertmanager
from bot.sandbox.alertmanager_api import KINDS as OF_ALERTMANAGER
from bot.sandbox.alertmanager_api import AlertmanagerServer
from bot.sandbox.bot_process import ROOT
from bot.sandbox.faults.every import KINDS, Switchboard, sentence
from bot.sandbox.faults.fault import Order
from bot.sandbox.faults.presets import PRESETS
from bot.sandbox.kubernetes.faults import Faults as ClusterFaults
from bot.sandbox.scenarios.fault_step import OPTIONS, Fault
from bot.sandbox.slack.faults import Faults as SlackFaults
from bot.sandbox.slack.faults import SocketOrders

ALL = [(of, name) for of, kinds in KINDS.items() for name in kinds]
ROWS = [one for listed in PRESETS.values() for one in listed]
KEEPING = {"is_on", "lift", "take", "hold", "clear"}
"""What a switchboard has beside the faults themselves."""
SAID: dict[str, Any] = {
    "where": "patch deployments", "times": 2, "seconds": 3, "status": 500, "error": "is_archived",
    "reason": "link_disabled",
}  # fmt: skip


async def _disconnect(_reason: str) -> int:
    return 2


def boards() -> dict[str, Any]:
    """The switchboards of servers that don't run."""
    slack, cluster = SlackFaults(orders=SocketOrders(_disconnect, lambda: 2, lambda: None)), ClusterFaults()
    cluster.watches = lambda: 1
    return {"slack": slack, "cluster": cluster, "alertmanager": AlertmanagerServer(Alertmanager("", ""))}


def step(of: str, kind: str) -> Fault:
    """A scenario's step that says all that this kind takes."""
    takes = KINDS[of][kind].takes
    return Fault.model_validate({"of": of, "kind": kind, **{name: SAID[name] for name in takes}})


class Recorder:
    """A switchboard that remembers what was called."""

    def __init__(self, board: Any) -> None:
        self.called: list[str] = []
        self._board = board

    def __getattr__(self, name: str) -> Any:
        self.called.append(name)
        return getattr(self._board, name)


def test_the_table_has_every_fault_that_a_switchboard_has() -> None:
    slack, cluster = (
        {name for name, it in vars(board).items() if inspect.isfunction(it) and not name.startswith("_")} - KEEPING
        for board in (SlackFaults, ClusterFaults)
    )
    assert {one.through for one in KINDS["slack"].values()} == slack
    assert {one.through for one in KINDS["cluster"].values()} == cluster
    assert {one.through for one in KINDS["alertmanager"].values()} == set(OF_ALERTMANAGER)


@pytest.mark.parametrize(("of", "kind"), [one for one in ALL if one[0] != "alertmanager"])
def test_each_kind_calls_the_method_that_it_names(of: str, kind: str) -> None:
    board = Recorder(boards()[of])
    found = KINDS[of][kind].put(board, step(of, kind).order)
    if inspect.iscoroutine(found):
        found.close()
    assert set(board.called) & {one.through for one in KINDS[of].values()} == {KINDS[of][kind].through}


@pytest.mark.parametrize(("of", "kind"), ALL)
async def test_a_scenario_can_order_each_kind_and_it_is_over_when_it_is_taken_back_or_all_is(
    of: str, kind: str
) -> None:
    for end in ("lift", "clear"):
        board = Switchboard(**boards())
        order = step(of, kind).order
        await board.put(order)
        lasts = KINDS[of][kind].holds is not None
        assert board.holding == ([order] if lasts else [])
        if end == "lift":
            board.lift(order)
        else:
            board.clear()
        assert (board.holds(order), board.holding) == (False, [])


def test_each_kind_stands_on_the_page() -> None:
    assert {(order.of, order.kind) for row in ROWS for order in row.orders} == set(ALL)
    assert len({row.name for row in ROWS}) == len({row.label + row.orders[0].of for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_stands_on_the_page_can_be_said_in_a_scenario(row: Any) -> None:
    for order in row.orders:
        said = {name: getattr(order, name) for name in KINDS[order.of][order.kind].takes}
        assert Fault.model_validate({"of": order.of, "kind": order.kind, **said}).order == order


def test_one_switch_leaves_the_others_on() -> None:
    """Rows that are alike but for what they answer, how late, or where, don't switch each other off."""
    lasting = [[one for one in row.orders if KINDS[one.of][one.kind].holds] for row in ROWS]
    for of in KINDS:
        for mine in (orders for orders in lasting if orders and orders[0].of == of):
            board = boards()
            for other in (one for orders in lasting for one in orders if one.of == of and one not in mine):
                KINDS[of][other.kind].put(board[of], other)
            for order in mine:
                assert not KINDS[of][order.kind].holds(board[of], order), order  # type: ignore[misc]


@pytest.mark.parametrize(("of", "kind"), ALL)
def test_a_kind_takes_only_what_it_heeds(of: str, kind: str) -> None:
    good = step(of, kind).model_dump(exclude_unset=True)
    odd = [name for name in OPTIONS if name not in KINDS[of][kind].takes]
    for name in odd:
        with pytest.raises(ValidationError, match=f"{kind} of {of} takes no {name}"):
            Fault.model_validate({**good, name: SAID[name]})
    if "where" in KINDS[of][kind].takes:
        with pytest.raises(ValidationError, match="needs where"):
            Fault.model_validate({key: value for key, value in good.items() if key != "where"})


def test_a_kind_that_there_is_none_of_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match=r"alertmanager has no fault no_pong, it has error, slow"):
        Fault.model_validate({"of": "alertmanager", "kind": "no_pong"})


DROP = Order("slack", "drop_after", "chat.postMessage")
CONFLICT = Order("cluster", "error", "patch deployments", 2, status=409)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (DROP, "Next at chat.postMessage: Slack does what it is asked, and its answer is lost."),
        (Order("slack", "slow", "*", None, 3), "From now on: Slack answers after 3 s."),
        (CONFLICT, "The next 2 times at patch deployments: The cluster's API answers 409."),
        (Order("slack", "disconnect", reason="link_disabled"), "Slack asks every connection to leave (link_disabled)."),
        (Order("slack", "refuse_sockets", times=None), "Slack lets no connection of Socket Mode begin (for ever)."),
    ],
)
def test_a_fault_is_told_in_a_sentence(order: Order, said: str) -> None:
    assert sentence(order) == said


def test_each_kind_stands_in_the_documents() -> None:
    told = Path(ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert not [(of, kind) for of, kind in ALL if f"| `{of}` | `{kind}` |" not in told]
