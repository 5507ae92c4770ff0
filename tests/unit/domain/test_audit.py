"""The audit's chain: what an entry's hash is made of."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.audit import entry_hash
from bot.domain.proposal import canonical, sha256

texts = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.tuples(*[texts] * 7), st.integers(1), st.integers(0))
def test_an_entry_s_hash_is_that_of_its_canonical_json(words: tuple[str, ...], seq: int, incident: int) -> None:
    """Whatever its texts hold: chains of every release verify, and so does one checked with another program."""
    at, tag, actor, subject, outcome, detail, prev = words
    told = {
        "seq": seq, "at": at, "tag": tag, "actor": actor, "subject": subject, "outcome": outcome, "incident": incident,
        "detail": detail, "prev": prev,
    }  # fmt: skip
    assert sha256(canonical(told)) == entry_hash(
        seq=seq, at=at, tag=tag, actor=actor, subject=subject, outcome=outcome, incident_id=incident,
        detail_digest=detail, prev=prev,
    )  # fmt: skip
