"""How pods go wrong in particular: the words and codes that go with a behaviour.

A behaviour says what happens (a crash, an image that isn't there); a manner says how it reads: the registry's error,
the exit code, the probe's answer. It refuses to decide when.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Manner:
    """What a behaviour says and how long it takes; "" and None leave it as it usually is.

    ``message`` are the words: of the registry, of the kubelet about configuration or a volume, of the probe, or what
    the container ended with. ``reason`` is that of the end or of the event. ``runs`` is how many seconds a container
    lives, ``every`` the seconds between two answers of a probe. ``only`` names the one container that goes wrong, which
    may be one that runs before the others.
    """

    message: str = ""
    reason: str = ""
    exit_code: int | None = None
    runs: float | None = None
    every: float | None = None
    only: str = ""


USUAL = Manner()
