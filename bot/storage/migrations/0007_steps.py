"""Several steps of one proposal, an execution for each: a proposal has as many as it has steps."""

from typing import Any

# SQLite can't drop a constraint of a table: it is written anew.
SQLITE = """
CREATE TABLE executions_anew (
  id INTEGER NOT NULL PRIMARY KEY, uid TEXT NOT NULL UNIQUE, proposal_id INTEGER NOT NULL,
  incident_id INTEGER NOT NULL, target TEXT NOT NULL, target_key TEXT NOT NULL, action TEXT NOT NULL,
  state TEXT NOT NULL, in_flight BOOLEAN NOT NULL DEFAULT TRUE, created_at TEXT NOT NULL, approved_at TEXT NOT NULL,
  approved_by TEXT NOT NULL, request TEXT, intent_at TEXT, settled_at TEXT, generation BIGINT,
  baseline TEXT NOT NULL DEFAULT '{}', outcome TEXT NOT NULL DEFAULT '', step INTEGER NOT NULL DEFAULT 0);
INSERT INTO executions_anew SELECT id, uid, proposal_id, incident_id, target, target_key, action, state, in_flight,
  created_at, approved_at, approved_by, request, intent_at, settled_at, generation, baseline, outcome, 0
  FROM executions;
DROP TABLE executions;
ALTER TABLE executions_anew RENAME TO executions;
CREATE INDEX executions_incident ON executions (incident_id);
CREATE INDEX executions_state ON executions (state);
CREATE UNIQUE INDEX executions_in_flight ON executions (target_key) WHERE in_flight;
"""

POSTGRES = """
ALTER TABLE executions ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions DROP CONSTRAINT executions_proposal_id_key;
"""

BOTH = """
CREATE UNIQUE INDEX executions_step ON executions (proposal_id, step);
ALTER TABLE proposals ADD COLUMN steps TEXT NOT NULL DEFAULT '[]';
ALTER TABLE proposals ADD COLUMN stopped TEXT NOT NULL DEFAULT '';
"""


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    for statement in ((SQLITE if sqlite else POSTGRES) + BOTH).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
