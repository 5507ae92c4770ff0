"""How Slack fails: its Web API by method, its Socket Mode connections as a whole."""

from __future__ import annotations

from bot.sandbox.faults.fault import Kind, Order
from bot.sandbox.slack.faults import Fault, Faults

FOR_EVER = 10**9
"""How many handshakes are refused until it is taken back."""
SlackKind = Kind[Faults]


def _like(kind: str, order: Order) -> Fault:
    match kind:
        case "rate_limit":
            return Fault(kind, retry_after=_whole(order))
        case "slow":
            return Fault(kind, seconds=order.seconds)
        case "error":
            return Fault(kind, error=order.status)
        case "refuse":
            return Fault("error", error=order.error)
    return Fault(kind)


def _whole(order: Order) -> int:
    return max(1, round(order.seconds))


def _count(order: Order) -> int:
    return FOR_EVER if order.times is None else order.times


def _of_calls(name: str, words: str, *takes: str, through: str = "") -> SlackKind:
    """A fault of Web API methods, which stays until it is used up or taken back."""

    def put(board: Faults, order: Order) -> None:
        where, times = order.where or "*", order.times
        match name:
            case "rate_limit":
                board.rate_limit(where, _whole(order), times)
            case "slow":
                board.slow(where, order.seconds, times)
            case "error":
                board.error(where, order.status, times)
            case "refuse":
                board.error(where, order.error, times)
            case _:
                getattr(board, name)(where, times)

    return SlackKind(
        name, words, ("where", *takes, "times"), through or name, put,
        holds=lambda board, order: board.is_on(order.where or "*", _like(name, order)),
        lift=lambda board, order: board.lift(order.where or "*", _like(name, order)),
    )  # fmt: skip


KINDS: tuple[SlackKind, ...] = (
    _of_calls("rate_limit", "says that it is asked too often (429, Retry-After: {seconds})", "seconds"),
    _of_calls("slow", "answers after {seconds}", "seconds"),
    _of_calls("drop_after", "does what it is asked, and its answer is lost"),
    _of_calls("drop_before", "hangs up without having done anything"),
    _of_calls("error", "answers {status} with a proxy's HTML", "status"),
    _of_calls("refuse", "answers that it can't: {error}", "error", through="error"),
    _of_calls("hang", "says nothing and does nothing"),
    _of_calls("hang_after", "does what it is asked, and says nothing"),
    SlackKind(
        "disconnect", "asks every connection to leave ({reason})", ("reason",), "disconnect",
        lambda board, order: board.disconnect(order.reason),
    ),
    SlackKind(
        "close_sockets", "resets every connection of Socket Mode", (), "close_sockets",
        lambda board, _: board.close_sockets(),
    ),
    SlackKind(
        "refuse_sockets", "lets no connection of Socket Mode begin ({times})", ("times",), "refuse_sockets",
        lambda board, order: board.refuse_sockets(_count(order)),
        holds=lambda board, _: board.sockets.refuse > 0, lift=lambda board, _: board.refuse_sockets(0),
    ),
    SlackKind(
        "stale_tickets", "hands out tickets for Socket Mode that are over already ({times})", ("times",),
        "stale_tickets", lambda board, order: board.stale_tickets(_count(order)),
        holds=lambda board, _: board.sockets.stale > 0, lift=lambda board, _: board.stale_tickets(0),
    ),
    SlackKind(
        "expire_tickets", "refuses every ticket for Socket Mode that it handed out so far", (), "expire_tickets",
        lambda board, _: board.expire_tickets(),
    ),
    SlackKind(
        "no_pong", "answers no ping of Socket Mode", (), "no_pong", lambda board, _: board.no_pong(),
        holds=lambda board, _: not board.sockets.answer_pings, lift=lambda board, _: board.no_pong(on=False),
    ),
    SlackKind(
        "ghosts", "gives some payloads to connections whose client is gone ({times})", ("times",), "ghosts",
        lambda board, order: board.ghosts(order.times or 1),
        holds=lambda board, _: board.sockets.ghosts > 0, lift=lambda board, _: board.ghosts(0), stays=True,
    ),
    SlackKind(
        "duplicate", "delivers what comes next twice ({times})", ("times",), "duplicate_next_envelope",
        lambda board, order: board.duplicate_next_envelope(order.times or 1),
        holds=lambda board, _: board.sockets.duplicates > 0,
        lift=lambda board, _: board.duplicate_next_envelope(-board.sockets.duplicates),
    ),
    SlackKind(
        "clock", "has a clock that is {seconds} ahead", ("seconds",), "set_clock",
        lambda board, order: board.set_clock(order.seconds),
        holds=lambda board, _: bool(board.clock_off), lift=lambda board, _: board.set_clock(0.0),
    ),
)  # fmt: skip
