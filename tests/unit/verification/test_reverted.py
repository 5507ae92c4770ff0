"""What was done and taken back by whoever keeps the workload is a fail with a name, not another change."""

from __future__ import annotations

from bot.domain.keeper import Keeper
from bot.verification.reverted import check
from bot.verification.rollout import Bound
from tests.unit.cluster_states import MARKED, NOW, OURS, state

ARGO = Keeper("Argo CD", "Application shop-api")
BACK = Bound("uid-1", 7, OURS, "hash-old", pods="abc")
AGAIN = Bound("uid-1", 7, OURS, "hash-1")


def test_a_rollback_that_git_took_back_fails_by_its_name() -> None:
    row = check(state(keeper=ARGO, generation=8), BACK, "hash-1", NOW)
    assert row is not None
    assert (row.required, row.final) == (True, True)
    assert row.measured == "reverted by Argo CD (Application shop-api) (generation 7 → 8)"


def test_a_restart_whose_mark_was_taken_away_fails_and_one_that_bears_it_does_not() -> None:
    assert check(state(keeper=ARGO, generation=8), AGAIN, "hash-1", NOW) is not None
    assert check(state(keeper=ARGO, generation=8, template_annotations=MARKED), AGAIN, "hash-1", NOW) is None


def test_what_still_stands_is_kept() -> None:
    assert check(state(keeper=ARGO, template_hash="hash-old"), BACK, "hash-1", NOW) is None
    assert check(state(keeper=ARGO, generation=8, template_hash="hash-old"), BACK, "hash-1", NOW) is None


def test_a_new_change_of_the_keeper_is_another_change() -> None:
    assert check(state(keeper=ARGO, generation=8, template_hash="hash-2"), BACK, "hash-1", NOW) is None


def test_where_nobody_keeps_it_a_person_took_it_back_and_that_supersedes() -> None:
    assert check(state(generation=8), BACK, "hash-1", NOW) is None


def test_an_object_made_anew_is_not_ours_to_judge() -> None:
    gone = Bound("uid-0", 7, OURS, "hash-old", pods="abc")
    assert check(state(keeper=ARGO, generation=8), gone, "hash-1", NOW) is None
