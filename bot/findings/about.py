"""What each finding says of itself: the words of its cause, what must be observed, what it suggests.

The page of the docs about findings is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.finding import Cause


@dataclass(frozen=True)
class About:
    """One cause.

    ``words`` is how other findings name it ("a bad rollout"); ``high``, ``medium`` and ``low`` say what must be
    observed for that confidence, empty where there is none; ``suggests`` what follows. ``weight`` orders findings of
    one confidence: what explains others weighs more than what is explained.
    """

    cause: Cause
    words: str
    high: str
    medium: str
    low: str
    suggests: str
    weight: float
