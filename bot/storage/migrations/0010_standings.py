"""What was told by how a sentence began stands in columns of its own; rows of before are read by their words once more.

What an execution's outcome began with ("not applied: ", "not known yet: ") is left away: whoever tells it adds it.
What is in a silence's way had overwritten how it was set. The policy of the last start is kept by its parts.
"""

import json
from typing import Any

STATEMENTS = """
ALTER TABLE executions ADD COLUMN standing TEXT NOT NULL DEFAULT '';
UPDATE executions SET standing = 'partly' WHERE state = 'failed' AND substr(outcome, 1, 14) = 'stopped after ';
UPDATE executions SET standing = 'untouched', outcome = substr(outcome, 14)
  WHERE state = 'failed' AND substr(outcome, 1, 13) = 'not applied: ';
UPDATE executions SET standing = 'untouched',
  outcome = CASE WHEN outcome = 'not applied (read back)' THEN 'it wasn''t carried out (read back).'
    ELSE 'nothing was sent.' END
  WHERE state = 'failed' AND outcome IN ('not applied (read back)', 'not applied (nothing was sent)');
UPDATE executions SET standing = 'unanswered', outcome = substr(outcome, 16)
  WHERE state = 'running' AND substr(outcome, 1, 15) IN ('not known yet: ', 'no answer yet: ');
UPDATE executions SET standing = 'held' WHERE state IN ('pending', 'running') AND standing = '' AND outcome <> '';
ALTER TABLE proposals ADD COLUMN halt TEXT NOT NULL DEFAULT '';
UPDATE proposals SET halt = CASE WHEN stopped = 'a person stopped it' THEN 'person'
  WHEN stopped = 'all alerts are resolved since it was approved' THEN 'cleared'
  WHEN stopped = 'store restored' THEN 'restored'
  WHEN substr(stopped, 1, 15) = 'the verdict on ' THEN 'verdict' ELSE 'failed' END WHERE stopped <> '';
ALTER TABLE silences ADD COLUMN trouble TEXT NOT NULL DEFAULT '';
UPDATE silences SET trouble = outcome, outcome = CASE WHEN state = 'running' THEN '' ELSE 'set' END
  WHERE state IN ('running', 'active', 'ending') AND outcome NOT IN ('', 'set', 'set (read back)');
"""


LINES = (
    ("rules", ("rule ",)), ("windows", ("window ",)), ("environments", ("environment ", "environment: ")),
    ("break_glass", ("break glass: ",)),
)  # fmt: skip


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    place = "?" if type(db).__name__ == "SqliteDatabase" else "%s"
    for (text,) in db.execute_sql("SELECT value FROM facts WHERE key = 'settings'").fetchall():
        content = json.loads(text)
        if isinstance(content.get("POLICY"), list):
            content["POLICY"] = parts(content["POLICY"])
            made = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            db.execute_sql(f"UPDATE facts SET value = {place} WHERE key = 'settings'", (made,))  # noqa: S608 - a constant


def parts(lines: list[str]) -> dict[str, list[str]]:
    """The lines by what each is about."""
    made = {name: [line for line in lines if line.startswith(begins)] for name, begins in LINES}
    return {name: found for name, found in made.items() if found}
