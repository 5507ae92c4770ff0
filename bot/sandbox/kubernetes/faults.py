"""Faults on switches: refusals, silence, and answers that are lost after the work was done.

It refuses to guess: a fault hits exactly the verb and resource it was set for (`*` for all), in one namespace or all.
"""

from dataclasses import dataclass

from bot.sandbox.kubernetes.status import MODIFIED, StatusError, failure
from bot.sandbox.kubernetes.wire import Json

_WORDS: dict[int, tuple[str, str]] = {
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", "forbidden by a fault of the sandbox"),
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

    def hits(self, verb: str, resource: str, namespace: str) -> bool:
        """Whether it applies to this request."""
        return self.verb in ("*", verb) and self.resource in ("*", resource) and self.namespace in ("", namespace)


class Faults:
    """The switches of one server. `resource` is as in `deployments` or `deployments/scale`."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.clock_off = 0.0
        """Seconds that the Date of answers is ahead of this machine's clock."""

    def set(self, verb: str, resource: str, *, status: int, times: int | None = None) -> None:
        """Answer with this status instead of working."""
        self._faults.append(Fault(verb, resource, times, status=status))

    def hang(
        self, verb: str, resource: str, *, seconds: float = 3600.0, times: int | None = None, late: bool = False,
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

    def is_on(self, verb: str, resource: str, *, status: int = 0, hangs: bool = False) -> bool:
        """Whether exactly this order stands: this status, or that it hangs."""
        return any(_is(fault, verb, resource, status, hangs=hangs) for fault in self._faults)

    def lift(self, verb: str, resource: str, *, status: int = 0, hangs: bool = False) -> None:
        """Take such an order back; what hangs already goes on hanging until its caller gives up."""
        self._faults = [fault for fault in self._faults if not _is(fault, verb, resource, status, hangs=hangs)]

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


def _is(fault: Fault, verb: str, resource: str, status: int, *, hangs: bool) -> bool:
    same = (fault.verb, fault.resource, fault.status) == (verb, resource, status)
    return same and (fault.hang is not None) == hangs


def refusal(code: int) -> StatusError:
    """The answer of a fault, in the words that the real server has for such a status."""
    reason, message = _WORDS.get(code, ("InternalError", f"simulated {code}"))
    details: Json | None = {"retryAfterSeconds": 1} if code in _RETRY_AFTER else None
    headers = {"Retry-After": "1"} if code in _RETRY_AFTER else {}
    return StatusError(failure(code, reason, message, details), headers)
