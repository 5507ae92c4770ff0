"""A token that speaks for one namespace: of others it joins nothing, ends nothing, and nothing is proposed for it."""

from collections.abc import Awaitable, Callable

import pytest

from bot.domain.alert import UNBOUND
from bot.storage.db import Store

from .door import Door, alert, group

OpenDoor = Callable[..., Awaitable[Door]]
TOKENS = {
    "WEBHOOK_TOKENS": "token-whole,bank:token-bank,eu:token-eu-1",
    "WEBHOOK_BINDINGS": "bank namespaces=bank, eu clusters=eu-1",
    "LISTEN_HOST": "127.0.0.1",
}
WHOLE, BANK, EU = "Bearer token-whole", "Bearer token-bank", "Bearer token-eu-1"


@pytest.fixture
async def bound(store: Store, open_door: OpenDoor) -> Door:
    return await open_door(store, **TOKENS)


async def test_what_it_speaks_for_is_taken_as_ever(bound: Door) -> None:
    assert (await bound.post(group(alert(namespace="bank")), authorization=BANK))[0] == 200
    assert not (await bound.incident()).key.startswith(UNBOUND)


async def test_it_does_not_join_another_namespaces_incident(bound: Door) -> None:
    await bound.post(group(alert()), authorization=WHOLE)
    assert (await bound.post(group(alert(pod="forged")), authorization=BANK))[0] == 200
    ours, theirs = await bound.incidents()
    assert (ours.alerts_total, theirs.alerts_total) == (1, 1)
    assert theirs.key.startswith(f"{UNBOUND}bank\x1f")


async def test_it_does_not_end_another_namespaces_incident(bound: Door) -> None:
    await bound.post(group(alert()), authorization=WHOLE)
    assert (await bound.post(group(alert(end=5)), authorization=BANK))[0] == 200
    (ours,) = await bound.incidents()
    assert ours.open
    assert ours.alerts_firing == 1
    await bound.post(group(alert(end=6)), authorization=WHOLE)
    assert not (await bound.incident()).open


async def test_what_it_told_of_beyond_it_ends_by_its_own_word(bound: Door) -> None:
    await bound.post(group(alert()), authorization=BANK)
    assert (await bound.incident()).open
    await bound.post(group(alert(end=5)), authorization=BANK)
    assert not (await bound.incident()).open


async def test_one_delivery_is_split_by_what_the_token_speaks_for(bound: Door) -> None:
    await bound.post(group(alert(namespace="bank"), alert()), authorization=BANK)
    found = {one.namespace: one.key.startswith(UNBOUND) for one in await bound.incidents()}
    assert found == {"bank": False, "shop": True}


async def test_a_token_of_one_cluster_speaks_for_no_other(bound: Door) -> None:
    await bound.post(group(alert(cluster="eu-1"), alert(cluster="us-1"), alert(pod="no-cluster")), authorization=EU)
    apart = [one.key.startswith(UNBOUND) for one in await bound.incidents()]
    assert sorted(apart) == [False, True, True] or sorted(apart) == [False, True]
