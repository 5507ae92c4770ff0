"""A scenario watched at a terminal: one picture, drawn in place, of what plays, the pods, the card and the audit.

Whoever has no terminal gets the transcript's plain lines instead.
"""
