-- One row is one intent. Blocks, nonces and counts are BIGINT; times are milliseconds since 1970, 0 when there is none;
-- "signed" repeats what Record.Signed says, so that a statement can ask for it.
CREATE TABLE pylon_intents (
    seq              BIGSERIAL PRIMARY KEY,
    id               TEXT   NOT NULL UNIQUE,
    genesis          BYTEA  NOT NULL,
    hotkey           BYTEA  NOT NULL,
    identity         TEXT   NOT NULL,
    kind             TEXT   NOT NULL,
    netuid           BIGINT NOT NULL,
    mechanism        BIGINT NOT NULL,
    idempotency_key  TEXT   NOT NULL,
    fingerprint      BYTEA  NOT NULL,
    request          BYTEA  NOT NULL,
    state            TEXT   NOT NULL,
    reason           TEXT   NOT NULL,
    detail           TEXT   NOT NULL,
    attempts         BIGINT NOT NULL,
    progress         BYTEA  NOT NULL,
    start_block      BIGINT NOT NULL,
    deadline_block   BIGINT NOT NULL,
    not_before       BIGINT NOT NULL,
    extrinsic        BYTEA  NOT NULL,
    extrinsic_hash   BYTEA  NOT NULL,
    nonce            BIGINT NOT NULL,
    birth_block      BIGINT NOT NULL,
    last_valid_block BIGINT NOT NULL,
    included_block   BIGINT NOT NULL,
    included_hash    BYTEA  NOT NULL,
    superseded_by    TEXT   NOT NULL,
    signed           BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    ended_at         BIGINT NOT NULL
);

CREATE INDEX pylon_intents_open ON pylon_intents (genesis, hotkey, seq) WHERE ended_at = 0;
CREATE INDEX pylon_intents_hotkey ON pylon_intents (genesis, hotkey, seq);
CREATE INDEX pylon_intents_identity ON pylon_intents (identity, seq);
CREATE INDEX pylon_intents_ended ON pylon_intents (ended_at, seq) WHERE ended_at > 0;
CREATE UNIQUE INDEX pylon_intents_key ON pylon_intents (genesis, hotkey, identity, idempotency_key) WHERE idempotency_key <> '';

-- One row is one hotkey of one chain: who works for it, and the highest nonce that was ever recorded for it. A fence only
-- grows. An empty owner means that nobody holds the lease; a nonce of -1 that nothing was signed yet.
CREATE TABLE pylon_hotkeys (
    genesis          BYTEA  NOT NULL,
    hotkey           BYTEA  NOT NULL,
    owner            TEXT   NOT NULL,
    fence            BIGINT NOT NULL,
    beat             BIGINT NOT NULL,
    ttl_ms           BIGINT NOT NULL,
    nonce            BIGINT NOT NULL,
    last_valid_block BIGINT NOT NULL,
    PRIMARY KEY (genesis, hotkey)
);
