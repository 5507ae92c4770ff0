"""What comes in goes to the recent end of each index, however long the history is; the newest episodes are marked.

An index that begins with the fingerprint has a page for every alert of a delivery, and each is written to the log.
"""

from typing import Any

# SQLite can't drop a constraint of a table: both tables are written anew.
SQLITE = """
CREATE TABLE alerts_anew (
  id INTEGER NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, starts_at TEXT NOT NULL, status TEXT NOT NULL,
  ends_at TEXT, resolved_arrived_at TEXT, late_at TEXT, incident_id INTEGER, severity INTEGER NOT NULL DEFAULT 3,
  name TEXT NOT NULL DEFAULT '', namespace TEXT NOT NULL DEFAULT '', labels TEXT, annotations TEXT,
  generator_url TEXT NOT NULL DEFAULT '', external_url TEXT NOT NULL DEFAULT '',
  first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, deliveries INTEGER NOT NULL DEFAULT 1,
  current BOOLEAN NOT NULL DEFAULT TRUE);
INSERT INTO alerts_anew SELECT id, fingerprint, starts_at, status, ends_at, resolved_arrived_at, late_at, incident_id,
  severity, name, namespace, labels, annotations, generator_url, external_url, first_seen_at, last_seen_at, deliveries,
  NOT EXISTS (SELECT 1 FROM alerts AS newer
              WHERE newer.fingerprint = alerts.fingerprint AND newer.starts_at > alerts.starts_at)
  FROM alerts;
DROP TABLE alerts;
ALTER TABLE alerts_anew RENAME TO alerts;
CREATE INDEX alerts_incident ON alerts (incident_id, status);
CREATE TABLE deliveries_anew (
  id INTEGER NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, starts_at TEXT NOT NULL, status TEXT NOT NULL,
  ends_at TEXT NOT NULL DEFAULT '', received_at TEXT NOT NULL, effect TEXT NOT NULL);
INSERT INTO deliveries_anew SELECT id, fingerprint, starts_at, status, ends_at, received_at, effect FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_anew RENAME TO deliveries;
"""

POSTGRES = """
ALTER TABLE alerts ADD COLUMN current BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE alerts SET current = FALSE WHERE EXISTS (SELECT 1 FROM alerts AS newer
  WHERE newer.fingerprint = alerts.fingerprint AND newer.starts_at > alerts.starts_at);
ALTER TABLE alerts DROP CONSTRAINT alerts_fingerprint_starts_at_key;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_fingerprint_starts_at_status_ends_at_key;
"""

INDEXES = """
CREATE UNIQUE INDEX alerts_episode ON alerts (starts_at, fingerprint);
CREATE UNIQUE INDEX alerts_current ON alerts (fingerprint) WHERE current;
CREATE UNIQUE INDEX deliveries_record ON deliveries (starts_at, fingerprint, status, ends_at);
"""


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    for statement in ((SQLITE if sqlite else POSTGRES) + INDEXES).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
