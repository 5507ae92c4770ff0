"""What it means when Slack counts more Socket Mode connections of the app than Fettle has: somebody else takes presses.

Slack gives each press to one connection, whichever; what another program gets is lost to Fettle. Where to look is one
sentence, the same for the log, /status and ``fettle doctor``.
"""

from __future__ import annotations


def shared(others: int, own: int) -> str:
    """The sentence for ``others`` connections besides the ``own`` ones; empty when there are none."""
    if others <= 0:
        return ""
    many = f"{others} connection{'s' * (others != 1)}"
    besides = f"besides Fettle's {own}" if own else "and no Fettle runs here"
    return (
        f"Slack counts {many} of this app {besides}: another program uses its app-level token and takes a share of "
        "the presses, which are lost. Stop it, or give it an app of its own (fettle manifest --command-suffix). "
        "One that was killed counts for a few minutes longer."
    )
