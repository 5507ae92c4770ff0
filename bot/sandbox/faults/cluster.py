"""How the cluster's API fails: by verb and resource, as in ``patch deployments``, ``write *``, ``* *``."""

from __future__ import annotations

from bot.sandbox.faults.fault import Kind, Order
from bot.sandbox.kubernetes.faults import FOR_EVER, Fault, Faults

ClusterKind = Kind[Faults]


def place(where: str) -> tuple[str, str]:
    """Verb and resource."""
    verb, _, resource = where.partition(" ")
    return verb or "*", resource or "*"


def _like(name: str, order: Order) -> Fault:
    """The order as the switchboard keeps it."""
    fault = Fault(*place(order.where), order.times)
    match name:
        case "error":
            fault.status = order.status
        case "rate_limit":
            fault.status, fault.retry_after = 429, max(1, round(order.seconds))
        case "drop_before":
            fault.drop_before = True
        case "drop_after":
            fault.drop_after = True
        case _:
            fault.hang, fault.late = (order.seconds if name == "slow" else FOR_EVER), name == "hang_after"
    return fault


def _of_requests(name: str, words: str, *takes: str, through: str) -> ClusterKind:
    def put(board: Faults, order: Order) -> None:
        verb, resource = place(order.where)
        like, times = _like(name, order), order.times
        if through == "set":
            board.set(verb, resource, status=like.status, times=times, retry_after=like.retry_after)
        elif through == "hang":
            board.hang(verb, resource, seconds=like.hang or 0.0, times=times, late=like.late)
        else:
            getattr(board, through)(verb, resource, times=times)

    return ClusterKind(
        name, words, ("where", *takes, "times"), through, put,
        holds=lambda board, order: board.is_on(_like(name, order)),
        lift=lambda board, order: board.lift(_like(name, order)),
    )  # fmt: skip


KINDS: tuple[ClusterKind, ...] = (
    _of_requests("error", "answers {status}", "status", through="set"),
    _of_requests(
        "rate_limit", "says that it is asked too often (429, Retry-After: {seconds})", "seconds", through="set"
    ),
    _of_requests("slow", "answers after {seconds}", "seconds", through="hang"),
    _of_requests("hang", "says nothing and does nothing", through="hang"),
    _of_requests("hang_after", "does what it is asked, and says nothing", through="hang"),
    _of_requests("drop_before", "hangs up without having done anything", through="drop_before"),
    _of_requests("drop_after", "does what it is asked, and its answer is lost", through="drop_after"),
    ClusterKind(
        "expire_watches", "ends every watch with 410, as after a compaction", (), "expire_watches",
        lambda board, _: board.expire_watches(),
    ),
    ClusterKind(
        "clock", "has a clock that is {seconds} ahead", ("seconds",), "set_clock",
        lambda board, order: board.set_clock(order.seconds),
        holds=lambda board, _: bool(board.clock_off), lift=lambda board, _: board.set_clock(0.0),
    ),
)  # fmt: skip
