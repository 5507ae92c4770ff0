"""Faults on switches: refusals, silence, and answers that are lost after the work was done.

It refuses to guess: a fault hits exactly the verb and resource it was set for (`*` for all), in one namespace or all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.sandbox.kubernetes.status import MODIFIED, StatusError, failure
from bot.sandbox.kubernetes.wire import Json

_WORDS: dict[int, tuple[str, str]] = {
    401: ("Unauthorized", "Unauthorized"),
    404: ("NotFound", "the server could not find the requested resource"),
    409: (
        "Conflict",
        f"Operation cannot be fulfilled: {MODIFIED}",
    ),
    410: ("Expired", "The resourceVersion for the provided list is too old."),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: simulated"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}
_RETRY_AFTER = (429, 504)
WRITE = "write"
"""Stands for every verb that changes something; reviews, which are created and change nothing, are none."""
_WRITES = ("create", "update", "patch", "delete", "deletecollection")
FOR_EVER = 3600.0
"""Seconds: longer than anybody waits for an answer."""


@dataclass
class Fault:
    """One fault; `times` None lasts until cleared."""

    verb: str
    resource: str
    times: int | None
    status: int = 0
    hang: float | None = None
    drop_before: bool = False
    drop_after: bool = False
    late: bool = False
    namespace: str = ""
    retry_after: int = 1

    def hits(self, verb: str, resource: str, namespace: str) -> bool:
        """Whether it applies to this request."""
        changes = self.verb == WRITE and verb in _WRITES and not resource.endswith("reviews")
        verbs = self.verb in ("*", verb) or changes
        return verbs and self.resource in ("*", resource) and self.namespace in ("", namespace)

    def is_like(self, other: Fault) -> bool:
        """Whether it does the same to the same requests, however often it still does."""
        return replace(self, times=None) == replace(other, times=None)


class Faults:
    """The switches of one server. `resource` is as in `deployments` or `deployments/scale`."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.watches: Callable[[], int] = lambda: 0
        """Ends the open watches; the server fills it in."""
        self.clock_off = 0.0
        """Seconds that the Date of answers is ahead of this machine's clock."""

    def set(
        self, verb: str, resource: str, *, status: int, times: int | None = None, retry_after: int = 1
    ) -> None:  # fmt: skip
        """Answer with this status instead of working; a 429 and a 504 say when to come again."""
        self._faults.append(Fault(verb, resource, times, status=status, retry_after=retry_after))

    def hang(
        self, verb: str, resource: str, *, seconds: float = FOR_EVER, times: int | None = None, late: bool = False,
        namespace: str = "",
    ) -> None:  # fmt: skip
        """Say nothing for so long, then go on as usual; `late` does the work before the silence."""
        self._faults.append(Fault(verb, resource, times, hang=seconds, late=late, namespace=namespace))

    def drop_before(self, verb: str, resource: str, *, times: int | None = 1) -> None:
        """Close the connection without having done the work."""
        self._faults.append(Fault(verb, resource, times, drop_before=True))

    def drop_after(self, verb: str, resource: str, *, times: int | None = 1) -> None:
        """Do the work, then close the connection without an answer."""
        self._faults.append(Fault(verb, resource, times, drop_after=True))

    def expire_watches(self) -> int:
        """End every open watch with 410, as when its version was compacted away; how many there were."""
        return self.watches()

    def set_clock(self, seconds: float) -> None:
        """The Date of answers is so far ahead of this machine's clock."""
        self.clock_off = seconds

    def is_on(self, like: Fault) -> bool:
        """Whether a fault like this one stands."""
        return any(fault.is_like(like) for fault in self._faults)

    def lift(self, like: Fault) -> None:
        """Take such faults back; what hangs already goes on hanging until its caller gives up."""
        self._faults = [fault for fault in self._faults if not fault.is_like(like)]

    def clear(self) -> None:
        """Switch all faults off."""
        self._faults.clear()
        self.clock_off = 0.0

    def take(self, verb: str, resource: str, namespace: str = "") -> Fault | None:
        """The fault that hits this request, counted down."""
        for fault in self._faults:
            if fault.hits(verb, resource, namespace):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None


def refusal(code: int, retry_after: int = 1) -> StatusError:
    """The answer of a fault, in the words that the real server has for such a status."""
    reason, message = _WORDS.get(code, ("InternalError", f"simulated {code}"))
    details: Json | None = {"retryAfterSeconds": retry_after} if code in _RETRY_AFTER else None
    headers = {"Retry-After": str(retry_after)} if code in _RETRY_AFTER else {}
    return StatusError(failure(code, reason, message, details), headers)
