"""Ways in which a cluster breaks, as data: what happens, which alerts tell of it, and which cause a card has to name.

``every.BREAKAGES`` has them by name; ``timeline.happen`` breaks a cluster so. Nothing here knows the bot.
"""
