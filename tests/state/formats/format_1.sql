-- The control state as commit 227cbbc made it (format 1), and an alert.
CREATE TABLE alerts (
    fingerprint TEXT NOT NULL,
    episode INTEGER NOT NULL,
    rule_id TEXT NOT NULL,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at DATETIME NOT NULL,
    ended_at DATETIME,
    labels TEXT NOT NULL,
    reason TEXT NOT NULL,
    memory TEXT NOT NULL,
    PRIMARY KEY (fingerprint, episode)
);
CREATE UNIQUE INDEX alerts_open ON alerts (fingerprint) WHERE ended_at IS NULL;
CREATE TABLE alert_events (
    id INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    episode INTEGER NOT NULL,
    at DATETIME NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    numbers TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX alert_events_of ON alert_events (fingerprint, id);
CREATE TABLE outbox (
    id INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    receiver TEXT NOT NULL,
    episode INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    shortened INTEGER NOT NULL,
    created_at DATETIME NOT NULL,
    due_at DATETIME NOT NULL,
    next_at DATETIME NOT NULL,
    lease_until DATETIME,
    sent_at DATETIME,
    outcome TEXT,
    PRIMARY KEY (id),
    UNIQUE ("key")
);
CREATE INDEX outbox_open ON outbox (fingerprint, receiver, id) WHERE state IN ('pending', 'inflight');
CREATE TABLE jobs (
    name TEXT NOT NULL,
    progress TEXT NOT NULL,
    updated_at DATETIME NOT NULL,
    PRIMARY KEY (name)
);
INSERT INTO alerts VALUES ('f1', 1, 'rate', 'error', 'firing', '2026-11-20 10:00:00.000000', NULL, '{"app": "shop"}', 'low 0.1 > 0.05', '{}');
INSERT INTO jobs VALUES ('import', '{}', '2026-11-20 10:00:00.000000');
PRAGMA user_version = 1;
