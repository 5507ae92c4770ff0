"""The registries that may be asked, by their hosts; one answer serves all who ask within half a minute.

The list is the settings'. It refuses every host that isn't on it, because the name of an image is anybody's word who
may write a workload.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bot.domain.errors import ForbiddenError
from bot.domain.image import ImageReference
from bot.integrations.ecr import Ecr
from bot.integrations.oci import OciRegistry
from bot.integrations.published import Published, Registry, Tags
from bot.settings_registries import RegistrySetting

FRESH = 30.0
"""Seconds for which an answer counts: a storm of one image asks once."""
MOST_KEPT = 64

Key = tuple[str, str, str]


class Registries:
    """All registries of the settings; nothing is asked, and nothing imported, until the first question."""

    def __init__(self, settings: Sequence[RegistrySetting]) -> None:
        self._each: dict[str, Registry] = {one.host: Ecr(one) if one.ecr else OciRegistry(one) for one in settings}
        self._kept: OrderedDict[Key, tuple[float, Any]] = OrderedDict()
        self._asking: dict[Key, asyncio.Lock] = {}

    @property
    def hosts(self) -> tuple[str, ...]:
        """Those that may be asked."""
        return tuple(self._each)

    async def close(self) -> None:
        """Closes the connections of all."""
        for one in self._each.values():
            await one.close()

    async def tags(self, image: ImageReference, *, within: float) -> Tags:
        """The tags beside this image; ``NotFoundError`` where its repository doesn't exist."""
        registry = self._listed(image.registry)
        key = (image.registry, image.repository, "")
        found: Tags = await self._shared(key, lambda: registry.tags(image.repository, within=within))
        return found

    async def published(
        self, image: ImageReference, reference: str, *, within: float, fresh: bool = False
    ) -> Published | None:
        """The image of the same repository under another tag or digest; None where there is none.

        ``fresh`` asks the registry itself: for a digest that is about to be acted on, an answer of before is none.
        """
        registry = self._listed(image.registry)
        if fresh:
            return await registry.published(image.repository, reference, within=within)
        key = (image.registry, image.repository, reference)
        found: Published | None = await self._shared(
            key, lambda: registry.published(image.repository, reference, within=within)
        )
        return found

    async def check(self, host: str, *, within: float) -> str:
        """A sentence on how this one lets us in; raises where it doesn't."""
        return await self._listed(host).check(within=within)

    def _listed(self, host: str) -> Registry:
        found = self._each.get(host)
        if found is None:
            raise ForbiddenError(f"{host} isn't listed in REGISTRIES, so it isn't asked for tags.")
        return found

    async def _shared(self, key: Key, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The answer: a fresh one if kept, else asked for once, however many want it; errors aren't kept."""
        lock = self._asking.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                loop = asyncio.get_running_loop()
                at, answer = self._kept.get(key, (0.0, None))
                if key in self._kept and loop.time() - at < FRESH:
                    return answer
                answer = await ask()
                self._kept[key] = (loop.time(), answer)
                self._kept.move_to_end(key)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
                return answer
        finally:
            if not lock.locked() and self._asking.get(key) is lock:
                del self._asking[key]
