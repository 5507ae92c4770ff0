"""The first schema: frozen SQL, the same on SQLite and PostgreSQL but for ``{serial}`` and the triggers."""

from typing import Any

TABLES = """
CREATE TABLE facts (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE people (
  id {serial}, slack_id TEXT UNIQUE, name TEXT NOT NULL DEFAULT '', seen_at TEXT NOT NULL);

CREATE TABLE group_members (id {serial}, group_id TEXT NOT NULL, slack_id TEXT NOT NULL, UNIQUE (group_id, slack_id));

CREATE TABLE group_refreshes (group_id TEXT NOT NULL PRIMARY KEY, refreshed_at TEXT, problem TEXT NOT NULL DEFAULT '');

CREATE TABLE alerts (
  id {serial}, fingerprint TEXT NOT NULL, starts_at TEXT NOT NULL, status TEXT NOT NULL, ends_at TEXT,
  resolved_arrived_at TEXT, late_at TEXT, incident_id INTEGER, severity INTEGER NOT NULL DEFAULT 3,
  name TEXT NOT NULL DEFAULT '', namespace TEXT NOT NULL DEFAULT '', labels TEXT, annotations TEXT,
  generator_url TEXT NOT NULL DEFAULT '', external_url TEXT NOT NULL DEFAULT '',
  first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, deliveries INTEGER NOT NULL DEFAULT 1,
  UNIQUE (fingerprint, starts_at));
CREATE INDEX alerts_incident ON alerts (incident_id, status);

CREATE TABLE deliveries (
  id {serial}, fingerprint TEXT NOT NULL, starts_at TEXT NOT NULL, status TEXT NOT NULL,
  ends_at TEXT NOT NULL DEFAULT '', received_at TEXT NOT NULL, effect TEXT NOT NULL,
  UNIQUE (fingerprint, starts_at, status, ends_at));

CREATE TABLE quarantine (
  id {serial}, received_at TEXT NOT NULL, receiver TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL, body TEXT);

CREATE TABLE incidents (
  id {serial}, key TEXT NOT NULL, title TEXT NOT NULL, alertname TEXT NOT NULL DEFAULT '',
  namespace TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, severity INTEGER NOT NULL,
  opened_at TEXT NOT NULL, episode_at TEXT NOT NULL, updated_at TEXT NOT NULL, resolved_at TEXT,
  resolution TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', target TEXT,
  target_key TEXT NOT NULL DEFAULT '', target_note TEXT NOT NULL DEFAULT '', candidates TEXT NOT NULL DEFAULT '[]',
  acknowledged_by TEXT NOT NULL DEFAULT '', declared_by TEXT NOT NULL DEFAULT '',
  alerts_firing INTEGER NOT NULL DEFAULT 0, alerts_total INTEGER NOT NULL DEFAULT 0,
  flaps INTEGER NOT NULL DEFAULT 0, episodes INTEGER NOT NULL DEFAULT 1,
  foreign_cluster TEXT NOT NULL DEFAULT '', channel TEXT NOT NULL DEFAULT '', digest_id INTEGER,
  investigated_at TEXT);
CREATE UNIQUE INDEX incidents_open_key ON incidents (key) WHERE state <> 'resolved';
CREATE INDEX incidents_key ON incidents (key, state);
CREATE INDEX incidents_target ON incidents (target_key, state);
CREATE INDEX incidents_state ON incidents (state, opened_at);
CREATE INDEX incidents_digest ON incidents (digest_id);

CREATE TABLE evidence (
  id {serial}, incident_id INTEGER NOT NULL, source TEXT NOT NULL, status TEXT NOT NULL, summary TEXT NOT NULL,
  problem TEXT NOT NULL DEFAULT '', data TEXT, observed_at TEXT NOT NULL, UNIQUE (incident_id, source));

CREATE TABLE proposals (
  id {serial}, incident_id INTEGER NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, target_key TEXT NOT NULL,
  params TEXT NOT NULL DEFAULT '{{}}', digest TEXT NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL,
  requested_by TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT, quorum INTEGER NOT NULL DEFAULT 1,
  approvers TEXT NOT NULL DEFAULT '[]', baseline TEXT NOT NULL DEFAULT '{{}}', decided_by TEXT NOT NULL DEFAULT '',
  decided_at TEXT, reason TEXT NOT NULL DEFAULT '');
CREATE INDEX proposals_incident ON proposals (incident_id);
CREATE INDEX proposals_state ON proposals (state, expires_at);

CREATE TABLE approvals (
  id {serial}, proposal_id INTEGER NOT NULL, principal TEXT NOT NULL, verb TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '', at TEXT NOT NULL, UNIQUE (proposal_id, principal));

CREATE TABLE executions (
  id {serial}, uid TEXT NOT NULL UNIQUE, proposal_id INTEGER NOT NULL UNIQUE, incident_id INTEGER NOT NULL,
  target TEXT NOT NULL, target_key TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL,
  in_flight BOOLEAN NOT NULL DEFAULT TRUE, created_at TEXT NOT NULL, approved_at TEXT NOT NULL,
  approved_by TEXT NOT NULL, request TEXT, intent_at TEXT, settled_at TEXT, generation BIGINT,
  baseline TEXT NOT NULL DEFAULT '{{}}', outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX executions_incident ON executions (incident_id);
CREATE INDEX executions_state ON executions (state);
CREATE UNIQUE INDEX executions_in_flight ON executions (target_key) WHERE in_flight;

CREATE TABLE verifications (
  id {serial}, execution_id INTEGER NOT NULL, incident_id INTEGER NOT NULL, target TEXT NOT NULL,
  verdict TEXT NOT NULL, current BOOLEAN NOT NULL DEFAULT TRUE, started_at TEXT NOT NULL, deadline TEXT NOT NULL,
  soak INTEGER NOT NULL, generation BIGINT, execution_uid TEXT NOT NULL DEFAULT '',
  baseline TEXT NOT NULL DEFAULT '{{}}', checks TEXT NOT NULL DEFAULT '[]', progress TEXT NOT NULL DEFAULT '{{}}',
  rolled_out_at TEXT, settled_at TEXT, note TEXT NOT NULL DEFAULT '');
CREATE INDEX verifications_execution ON verifications (execution_id);
CREATE INDEX verifications_incident ON verifications (incident_id);
CREATE INDEX verifications_verdict ON verifications (verdict);
CREATE UNIQUE INDEX verifications_current ON verifications (execution_id) WHERE current AND execution_id > 0;

CREATE TABLE audit (
  seq BIGINT NOT NULL PRIMARY KEY, at TEXT NOT NULL, tag TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
  outcome TEXT NOT NULL, incident_id INTEGER NOT NULL DEFAULT 0, detail_digest TEXT NOT NULL DEFAULT '',
  prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX audit_incident ON audit (incident_id);

CREATE TABLE audit_details (seq BIGINT NOT NULL PRIMARY KEY, salt TEXT NOT NULL, detail TEXT NOT NULL);

CREATE TABLE outbox (
  id {serial}, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, subject INTEGER NOT NULL, channel TEXT NOT NULL,
  rank INTEGER NOT NULL, owed_at TEXT NOT NULL, due_at TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  sent_version INTEGER NOT NULL DEFAULT 0, sent_at TEXT, claimed_until TEXT, epoch INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT NOT NULL DEFAULT '', thread_key TEXT NOT NULL DEFAULT '',
  posted_channel TEXT NOT NULL DEFAULT '', posted_ts TEXT NOT NULL DEFAULT '', params TEXT NOT NULL DEFAULT '{{}}',
  uncertain BOOLEAN NOT NULL DEFAULT FALSE, dropped BOOLEAN NOT NULL DEFAULT FALSE);
CREATE INDEX outbox_waiting ON outbox (due_at, rank) WHERE version > sent_version AND NOT dropped;
CREATE INDEX outbox_posted ON outbox (posted_ts, posted_channel) WHERE posted_ts <> '';

CREATE TABLE due (
  id {lasting_serial}, stage TEXT NOT NULL, subject INTEGER NOT NULL, due_at TEXT NOT NULL, claimed_until TEXT,
  epoch INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1, claimed_version INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT NOT NULL DEFAULT '', params TEXT NOT NULL DEFAULT '{{}}',
  UNIQUE (stage, subject));
CREATE INDEX due_when ON due (stage, due_at);

CREATE TABLE "freeze" (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), is_on BOOLEAN NOT NULL DEFAULT FALSE,
  actor TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', at TEXT);
INSERT INTO "freeze" (id) VALUES (1);

CREATE TABLE digests (id {serial}, channel TEXT NOT NULL, opened_at TEXT NOT NULL, closed_at TEXT);
CREATE UNIQUE INDEX digests_open ON digests (channel) WHERE closed_at IS NULL;
"""

# An approval's reason may be blanked, and nothing else: a person's words must be erasable.
SQLITE_TRIGGERS = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
       BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
       BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    """CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals
       WHEN NEW.reason <> '' OR NEW.id <> OLD.id OR NEW.proposal_id <> OLD.proposal_id
         OR NEW.principal <> OLD.principal OR NEW.verb <> OLD.verb OR NEW.at <> OLD.at
       BEGIN SELECT RAISE(ABORT, 'approvals are append-only'); END""",
    """CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals
       BEGIN SELECT RAISE(ABORT, 'approvals are append-only'); END""",
)

POSTGRES_TRIGGERS = (
    """CREATE FUNCTION fettle_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$""",
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
       FOR EACH ROW EXECUTE FUNCTION fettle_append_only()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
       FOR EACH STATEMENT EXECUTE FUNCTION fettle_append_only()""",
    """CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals FOR EACH ROW
       WHEN (NEW.reason <> '' OR NEW.id <> OLD.id OR NEW.proposal_id <> OLD.proposal_id
         OR NEW.principal <> OLD.principal OR NEW.verb <> OLD.verb OR NEW.at <> OLD.at)
       EXECUTE FUNCTION fettle_append_only()""",
    """CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals
       FOR EACH ROW EXECUTE FUNCTION fettle_append_only()""",
    """CREATE TRIGGER approvals_no_truncate BEFORE TRUNCATE ON approvals
       FOR EACH STATEMENT EXECUTE FUNCTION fettle_append_only()""",
)


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    serial = "INTEGER NOT NULL PRIMARY KEY" if sqlite else "SERIAL PRIMARY KEY"
    # Rows of "due" are deleted; their ids must not come back, because finished claims name them.
    lasting = "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT" if sqlite else "SERIAL PRIMARY KEY"
    for statement in TABLES.format(serial=serial, lasting_serial=lasting).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    for statement in SQLITE_TRIGGERS if sqlite else POSTGRES_TRIGGERS:
        db.execute_sql(statement)
