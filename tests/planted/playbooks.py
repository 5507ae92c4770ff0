"""Bugs of playbooks: what they let through, what they take for granted, what they keep to themselves."""

from __future__ import annotations

from tests.planted.bug import Bug

CHOSEN = "tests/unit/playbooks/test_chosen.py"
CHOOSE = "tests/unit/playbooks/test_choose.py"
MATCHER = "tests/unit/playbooks/test_matcher.py"
DIFFERENCE = "tests/unit/playbooks/test_difference.py"
WRONG = "tests/unit/playbooks/test_wrong.py"
FOLDER = "tests/integration/playbooks/test_folder.py"
ROUTING = "tests/integration/intake/test_routing.py"
PAGES = "tests/integration/workflow/test_page.py"
HANDLERS = "tests/unit/evidence/test_handlers.py"
RELOADING = "tests/integration/playbooks/test_reloading.py"

_AUDITED = "            await ctx.store.transact(record, found, ctx.channel, ctx.clock())\n"
_TAKEN = "            ctx.playbooks.take(found)\n"

BUGS = (
    Bug(
        name="guard-on-unknown-replicas-passes",
        why="A guard on replicas lets pass what nobody could count.",
        file="bot/playbooks/chosen.py",
        old="(replicas is None or replicas < least)",
        new="(replicas is not None and replicas < least)",
        tests=(CHOSEN,),
    ),
    Bug(
        name="denied-by-the-playbook-and-proposed",
        why="A mitigation that a team denied for its service stands on the card with a button.",
        file="bot/playbooks/chosen.py",
        old="if suggestion.action in playbook.guards.deny:",
        new="if False:",
        tests=(CHOSEN,),
    ),
    Bug(
        name="second-finding-is-cured",
        why="Where the cause has no cure, that of a lesser finding is proposed.",
        file="bot/playbooks/chosen.py",
        old="    finding = findings[0]\n",
        new="    finding = next((one for one in findings if one.suggestions), findings[0])\n",
        tests=(CHOSEN,),
    ),
    Bug(
        name="proposed-without-being-suggested",
        why="A playbook's list alone makes a proposal, whatever was found.",
        file="bot/playbooks/chosen.py",
        old="(one for one in steps if one.unsuggested)",
        new="(one for one in steps)",
        tests=(CHOSEN,),
    ),
    Bug(
        name="command-by-hand-says-another-value",
        why="The card shows a command with the finding's number beside the playbook's.",
        file="bot/playbooks/chosen.py",
        old='params={**suggestion.params, **fixed}, by_hand="")',
        new="params={**suggestion.params, **fixed})",
        tests=(CHOSEN,),
    ),
    Bug(
        name="matcher-not-anchored",
        why='namespace=~"shop" also takes workshop: alerts of others get what a playbook of shop allows.',
        file="bot/playbooks/pattern.py",
        old="self._compiled.fullmatch(",
        new="self._compiled.search(",
        tests=(MATCHER,),
    ),
    Bug(
        name="missing-label-matches-nothing",
        why='team!="infra" misses alerts without a team, which then get the default.',
        file="bot/playbooks/matcher.py",
        old='labels.get(self.name, "")',
        new='labels.get(self.name, "\\x00")',
        tests=(MATCHER,),
    ),
    Bug(
        name="vague-playbook-wins",
        why="A playbook for everything takes alerts from the one that names them.",
        file="bot/playbooks/choose.py",
        old="        not match.alerts,\n",
        new="        bool(match.alerts),\n",
        tests=(CHOOSE,),
    ),
    Bug(
        name="lifted-deny-is-no-widening",
        why="Somebody takes a mitigation off the deny list, and the channel isn't told.",
        file="bot/playbooks/difference.py",
        old="not set(old.deny) <= set(new.deny))",
        new="False)",
        tests=(DIFFERENCE,),
    ),
    Bug(
        name="key-twice-last-wins",
        why="A second guards: further down silently takes the first one's place.",
        file="bot/yaml_file.py",
        old="        if key in made:",
        new="        if False:",
        tests=(WRONG,),
    ),
    Bug(
        name="half-a-folder-is-taken",
        why="The file with the guards has a typing error, so the others count without it.",
        file="bot/playbooks/loader.py",
        old="    if sentences:\n        raise ConfigError(sentences)\n    stock = built_in()",
        new="    stock = built_in()",
        tests=(FOLDER,),
    ),
    Bug(
        name="half-a-file-is-taken",
        why="A playbook counts while it is still being written, without the lines that follow.",
        file="bot/playbooks/shelf.py",
        old="            if not still:\n                return None\n",
        new="",
        tests=(FOLDER,),
    ),
    Bug(
        name="playbooks-in-force-unaudited",
        why="With the store down, other playbooks count, and nobody will ever see since when.",
        file="bot/workflow/reloading.py",
        old=f"{_AUDITED}{_TAKEN}",
        new=f"{_TAKEN}{_AUDITED}",
        tests=(RELOADING,),
    ),
    Bug(
        name="widening-is-not-announced",
        why="More may be proposed than yesterday, and the channel reads nothing of it.",
        file="bot/workflow/reloading.py",
        old="    if widening:\n",
        new="    if not widening:\n",
        tests=(RELOADING,),
    ),
    Bug(
        name="restart-forgets-what-was-in-force",
        why="Playbooks that came with a new pod are taken for the first ever: no difference, no announcement.",
        file="bot/workflow/reloading.py",
        old="    facts.put(tx, IN_FORCE, canonical(found.content()))\n",
        new="",
        tests=(RELOADING,),
    ),
    Bug(
        name="playbook-lowers-p0",
        why="Somebody's plain word for the worst is made small by a line in a file.",
        file="bot/workflow/route.py",
        old="    if playbook.severity is not None and by_labels is not Severity.SEV1:\n",
        new="    if playbook.severity is not None:\n",
        tests=(ROUTING,),
    ),
    Bug(
        name="quiet-hours-never-end",
        why="What came at night stands in the digest all day, and nobody looks.",
        file="bot/workflow/declare.py",
        old="        due.owe(tx, Stage.WAKE, incident.id, route.quiet_until)\n    return incident\n",
        new="        pass\n    return incident\n",
        tests=(ROUTING,),
    ),
    Bug(
        name="pages-although-slack-took-the-card",
        why="Every grave incident wakes somebody twice, until nobody reads either.",
        file="bot/workflow/page.py",
        old="incident.state is IncidentState.TRIGGERED and not _taken(tx, incident)",
        new="incident.state is IncidentState.TRIGGERED",
        tests=(PAGES,),
    ),
    Bug(
        name="handlers-that-others-can-write",
        why="Whoever can write into that folder runs code with the bot's rights.",
        file="bot/evidence/handler_files.py",
        old="    if mode & (stat.S_IWGRP | stat.S_IWOTH):\n",
        new="    if mode & stat.S_IWGRP & stat.S_IWOTH:\n",
        tests=(HANDLERS,),
    ),
)  # fmt: skip
