"""The cluster's clock: the machine's time plus every jump made so far. It refuses to go back."""

import time
from datetime import UTC, datetime


class ClusterClock:
    """Seconds since 1970; `jump` moves all timestamps and timers forward together."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """The present moment of this cluster, in seconds."""
        return time.time() + self.offset

    def jump(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.offset += max(0.0, seconds)


def stamp(moment: float) -> str:
    """A moment in the form of metav1.Time: whole seconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: float) -> str:
    """A moment in the form of metav1.MicroTime."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def nano_stamp(moment: float) -> str:
    """A moment as it stands before a log line."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def moment(text: str) -> float:
    """The seconds of a timestamp."""
    return datetime.fromisoformat(text).timestamp()
