"""One tree of errors, so that a caller can decide by type alone.

Three questions are answered by class attributes: is trying again useful (``retry``), is it the person's
request that is at fault (``persons_fault``), and may the world have changed (``may_have_acted``)?

::

    FettleError
    ├── ConfigError            a setting is wrong or missing          (person, no retry)
    ├── RequestError           what was asked can't be done so        (person, no retry)
    │   └── NotFoundError      the thing named doesn't exist
    ├── UnavailableError       an outside system didn't answer        (retry, nothing happened)
    │   ├── StoreUnavailableError    disk full, locked, gone; writer saturated
    │   ├── ClusterUnavailableError  API server unreachable, 429, 5xx
    │   │   └── BudgetHoldsError     a disruption budget lets no pod go now
    │   └── SlackUnavailableError    Slack unreachable, 429, 5xx      (``retry_after`` seconds)
    ├── ForbiddenError         an outside system refuses our rights   (no retry until changed)
    │   └── CredentialsError   it doesn't know us: a token ran out    (may be renewed by itself)
    ├── RejectedError          an outside system calls our request wrong (a bug or a limit; no retry)
    ├── PartDoneError          one of several is done, others are left (goes on after the guards were asked again)
    ├── StoppedError           it went wrong after something was done that stays
    ├── WorldChangedError      a precondition failed: nothing was done
    ├── OutcomeUnknownError    the request left, no answer came       (may have acted: read back first)
    ├── IllegalTransitionError a state machine was asked for a step it doesn't have (a bug)
    └── IntegrityError         stored data contradicts itself (audit chain, schema, digest)
        └── EmptyStoreError    no bot has been started on this database yet

Refusals by policy are not errors: they are returned as a ``Decision`` (``domain.decision``).
This module refuses to know any foreign exception; those are translated at the door with ``from exc``.
"""

from __future__ import annotations


class FettleError(Exception):
    """Base of all errors of this program; ``str(error)`` is a sentence for a person."""

    retry = False
    persons_fault = False
    may_have_acted = False


class ConfigError(FettleError):
    """Settings are wrong; ``sentences`` holds one sentence for each that is."""

    persons_fault = True

    def __init__(self, sentences: list[str]) -> None:
        self.sentences = sentences
        super().__init__(" ".join(sentences))


class RequestError(FettleError):
    """What a person or a sender asked for can't be done as asked; the message says what to do."""

    persons_fault = True


class NotFoundError(RequestError):
    """The incident, proposal or object that was named doesn't exist."""


class UnavailableError(FettleError):
    """An outside system didn't answer or told us to wait; nothing happened and trying again is useful."""

    retry = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait, where the other side named a time."""


class StoreUnavailableError(UnavailableError):
    """The database can't take a write now: full disk, lost connection, or a saturated writer."""


class ClusterUnavailableError(UnavailableError):
    """The Kubernetes API server can't be reached, is overloaded, or timed out on a read."""


class BudgetHoldsError(ClusterUnavailableError):
    """A disruption budget lets no pod go now: a clear refusal, so nothing was done, and it may be asked again."""


class SlackUnavailableError(UnavailableError):
    """Slack can't be reached, is failing, or limits our rate; ``limited`` is the method that it limits, else empty."""

    def __init__(self, message: str, retry_after: float | None = None, limited: str = "") -> None:
        super().__init__(message, retry_after)
        self.limited = limited


class ForbiddenError(FettleError):
    """An outside system refuses for lack of rights; the message names the right that is missing."""


class CredentialsError(ForbiddenError):
    """An outside system doesn't accept who we say we are: nothing was looked at, and a renewed token ends that."""


class RejectedError(FettleError):
    """An outside system refuses the request as wrong; ``code`` is its own word for it."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class WorldChangedError(FettleError):
    """A precondition of a write failed: the object isn't what was approved, and nothing was done."""


class PartDoneError(FettleError):
    """One of several writes is done and others are left. ``so_far`` names those for when it stops here."""

    may_have_acted = True

    def __init__(self, message: str, so_far: str) -> None:
        super().__init__(message)
        self.so_far = so_far


class StoppedError(FettleError):
    """It went wrong after something was done that stays; ``so_far`` says what. Nothing more will happen."""

    may_have_acted = True

    def __init__(self, message: str, so_far: str) -> None:
        super().__init__(message)
        self.so_far = so_far


class OutcomeUnknownError(FettleError):
    """A write left and no answer came: it may have been carried out; read back before anything else."""

    may_have_acted = True


class IllegalTransitionError(FettleError):
    """A state machine was asked for a step that its table doesn't have; a bug, never a person's fault."""


class IntegrityError(FettleError):
    """What is stored contradicts itself: a broken audit chain, a foreign schema, a wrong digest."""


class EmptyStoreError(IntegrityError):
    """No bot has been started on this database yet; the first one makes its tables."""
