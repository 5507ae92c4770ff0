"""The incident card and its companions, drawn as Slack blocks: one file a part, ``card`` puts them in order."""

from bot.slack.cards.card import card
from bot.slack.cards.digest import DigestView, digest
from bot.slack.cards.evidence import evidence_message
from bot.slack.cards.view import AlertFacts, CardView
from bot.slack.message import Message

__all__ = ["AlertFacts", "CardView", "DigestView", "Message", "card", "digest", "evidence_message"]
