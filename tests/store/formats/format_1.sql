-- The tables of the telemetry store as commit 227cbbc made them (format 1), and a few rows.
CREATE SCHEMA base;
CREATE TABLE base.schema_version (version INTEGER);
INSERT INTO base.schema_version VALUES (1);
CREATE TABLE base.spans (
    trace_id VARCHAR,
    span_id VARCHAR,
    parent_id VARCHAR,
    time TIMESTAMP,
    duration_ms DOUBLE,
    received_at TIMESTAMP,
    name VARCHAR,
    kind VARCHAR,
    status VARCHAR,
    error_type VARCHAR,
    error_message VARCHAR,
    app VARCHAR,
    environment VARCHAR,
    release VARCHAR,
    scope VARCHAR,
    dialect VARCHAR,
    scope_version VARCHAR,
    sdk VARCHAR,
    operation VARCHAR,
    provider VARCHAR,
    request_model VARCHAR,
    response_model VARCHAR,
    response_id VARCHAR,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cached_input_tokens BIGINT,
    usage_source VARCHAR,
    cost_usd DOUBLE,
    finish_reason VARCHAR,
    stream BOOLEAN,
    ttft_ms DOUBLE,
    user_id VARCHAR,
    session_id VARCHAR,
    message_id VARCHAR,
    prompt_name VARCHAR,
    prompt_version VARCHAR,
    experiment VARCHAR,
    variant VARCHAR,
    tool_name VARCHAR,
    tool_call_id VARCHAR,
    unknown_keys VARCHAR,
    flags VARCHAR,
    attrs VARCHAR,
    source VARCHAR
);
CREATE TABLE base.content (
    trace_id VARCHAR,
    span_id VARCHAR,
    time TIMESTAMP,
    origin VARCHAR,
    system_text VARCHAR USING COMPRESSION zstd,
    input_messages VARCHAR USING COMPRESSION zstd,
    output_messages VARCHAR USING COMPRESSION zstd,
    input_value VARCHAR USING COMPRESSION zstd,
    output_value VARCHAR USING COMPRESSION zstd
);
CREATE TABLE base.features (
    trace_id VARCHAR,
    span_id VARCHAR,
    time TIMESTAMP,
    input_chars BIGINT,
    output_chars BIGINT,
    output_words BIGINT,
    output_lines BIGINT,
    output_questions BIGINT,
    output_digits_share DOUBLE,
    output_upper_share DOUBLE,
    output_non_ascii_share DOUBLE,
    output_markup BIGINT,
    output_code_fences BIGINT,
    output_urls BIGINT,
    output_placeholders BIGINT
);
CREATE TABLE base.events (
    key VARCHAR,
    trace_id VARCHAR,
    span_id VARCHAR,
    time TIMESTAMP,
    received_at TIMESTAMP,
    name VARCHAR,
    part VARCHAR,
    app VARCHAR,
    environment VARCHAR,
    user_id VARCHAR,
    session_id VARCHAR,
    body VARCHAR USING COMPRESSION zstd,
    source VARCHAR
);
CREATE TABLE base.scores (
    key VARCHAR,
    time TIMESTAMP,
    received_at TIMESTAMP,
    trace_id VARCHAR,
    span_id VARCHAR,
    response_id VARCHAR,
    session_id VARCHAR,
    message_id VARCHAR,
    environment VARCHAR,
    name VARCHAR,
    value DOUBLE,
    label VARCHAR,
    comment VARCHAR USING COMPRESSION zstd,
    origin VARCHAR,
    metadata VARCHAR,
    flags VARCHAR,
    source VARCHAR
);
CREATE TABLE base.meters (
    time TIMESTAMP,
    received_at TIMESTAMP,
    app VARCHAR,
    metric VARCHAR,
    series VARCHAR,
    operation VARCHAR,
    provider VARCHAR,
    model VARCHAR,
    start_time TIMESTAMP,
    count BIGINT,
    temporality VARCHAR,
    source VARCHAR
);
CREATE TABLE base.exposures (
    key VARCHAR,
    time TIMESTAMP,
    received_at TIMESTAMP,
    user_id VARCHAR,
    experiment VARCHAR,
    variant VARCHAR,
    source VARCHAR
);
CREATE TABLE base.refusals (
    time TIMESTAMP,
    source VARCHAR,
    received BIGINT,
    reason VARCHAR
);
CREATE TABLE base.turns (
    trace_id VARCHAR,
    seq BIGINT,
    time TIMESTAMP,
    duration_ms DOUBLE,
    app VARCHAR,
    environment VARCHAR,
    release VARCHAR,
    user_id VARCHAR,
    session_id VARCHAR,
    experiment VARCHAR,
    variant VARCHAR,
    prompt_name VARCHAR,
    prompt_version VARCHAR,
    model VARCHAR,
    system_hash VARCHAR,
    input_span_id VARCHAR,
    output_span_id VARCHAR,
    n_calls BIGINT,
    n_tools BIGINT,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cost_usd DOUBLE,
    error_type VARCHAR,
    finished_at TIMESTAMP
);
CREATE TABLE base.arrivals (
    trace_id VARCHAR,
    time TIMESTAMP,
    received_at TIMESTAMP,
    has_root BOOLEAN
);
CREATE TABLE base.ledger (
    day TIMESTAMP,
    source VARCHAR,
    received BIGINT,
    stored BIGINT,
    duplicate BIGINT,
    refused BIGINT,
    reason VARCHAR
);
CREATE TABLE base.samples (
    unit_id VARCHAR,
    time TIMESTAMP,
    plan VARCHAR,
    stratum VARCHAR,
    inclusion_probability DOUBLE,
    drawn_at TIMESTAMP,
    reason VARCHAR
);
CREATE TABLE base.grades (
    unit_id VARCHAR,
    time TIMESTAMP,
    rule_id VARCHAR,
    verdict VARCHAR,
    score DOUBLE,
    reason VARCHAR,
    grader VARCHAR,
    grader_version VARCHAR,
    policy VARCHAR,
    policy_version VARCHAR,
    policy_hash VARCHAR,
    graded_at TIMESTAMP
);
CREATE TABLE base.estimates (
    rule_id VARCHAR,
    app VARCHAR,
    segment VARCHAR,
    window_start TIMESTAMP,
    window_end TIMESTAMP,
    method VARCHAR,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    confidence DOUBLE,
    n_units BIGINT,
    n_graded BIGINT,
    n_human BIGINT
);
CREATE TABLE base.findings (
    id VARCHAR,
    kind VARCHAR,
    metric VARCHAR,
    app VARCHAR,
    segment VARCHAR,
    detected_at TIMESTAMP,
    since TIMESTAMP,
    since_low TIMESTAMP,
    since_high TIMESTAMP,
    reference_value DOUBLE,
    current_value DOUBLE,
    change DOUBLE,
    change_low DOUBLE,
    change_high DOUBLE,
    e_value DOUBLE,
    budget VARCHAR,
    cause VARCHAR,
    reason VARCHAR,
    examples VARCHAR,
    origin VARCHAR
);
CREATE TABLE base.comparisons (
    experiment VARCHAR,
    metric VARCHAR,
    control VARCHAR,
    arm VARCHAR,
    effect DOUBLE,
    low DOUBLE,
    high DOUBLE,
    n_control BIGINT,
    n_arm BIGINT,
    decision VARCHAR,
    reason VARCHAR,
    computed_at TIMESTAMP
);
CREATE TABLE base.trackers (
    stream VARCHAR,
    state VARCHAR,
    updated_at TIMESTAMP
);
CREATE TABLE base.rollup (
    hour TIMESTAMP,
    app VARCHAR,
    environment VARCHAR,
    model VARCHAR,
    n_turns BIGINT,
    n_errors BIGINT,
    n_calls BIGINT,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cost_usd DOUBLE,
    duration_ms_sum DOUBLE,
    duration_hist VARCHAR
);
CREATE TABLE base.arm_units (
    experiment VARCHAR,
    arm VARCHAR,
    metric VARCHAR,
    unit VARCHAR,
    n BIGINT,
    total DOUBLE
);
CREATE TABLE base.exposed (
    trace_id VARCHAR,
    time TIMESTAMP,
    own_experiment VARCHAR,
    experiment VARCHAR,
    variant VARCHAR
);
CREATE TABLE base.rereads (
    experiment VARCHAR
);
CREATE TABLE base.marks (
    step VARCHAR,
    seq BIGINT,
    time TIMESTAMP,
    note VARCHAR
);
CREATE TABLE base.side_by_side (
    experiment VARCHAR,
    value VARCHAR
);
CREATE TABLE base.unknown_keys (
    day TIMESTAMP,
    source VARCHAR,
    dialect VARCHAR,
    key VARCHAR,
    n BIGINT
);
CREATE TABLE base.positions (
    family VARCHAR,
    segment BIGINT,
    byte BIGINT,
    stored BIGINT,
    duplicate BIGINT,
    late BIGINT
);
CREATE TABLE base.tombstones (
    kind VARCHAR,
    hash VARCHAR,
    until TIMESTAMP
);
CREATE TABLE base.erasing (
    kind VARCHAR,
    id VARCHAR
);
CREATE TABLE base.erasures (
    id BIGINT,
    kind VARCHAR,
    asked_at TIMESTAMP,
    finished_at TIMESTAMP,
    removed VARCHAR
);
CREATE TABLE base.retentions (
    id BIGINT,
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    content_before TIMESTAMP,
    spans_before TIMESTAMP,
    rollups_before TIMESTAMP,
    removed VARCHAR,
    rewritten_at TIMESTAMP
);
INSERT INTO base.turns (trace_id, seq, time, app, model) VALUES ('11111111111111111111111111111111', 1, '2026-11-20 10:00:00', 'shop', 'm-1');
INSERT INTO base.grades (unit_id, time, rule_id, verdict, grader, graded_at) VALUES ('11111111111111111111111111111111', '2026-11-20 10:00:00', 'R-1', 'violates', 'rule', '2026-11-20 10:01:00');
INSERT INTO base.ledger (day, source, received, stored, duplicate, refused) VALUES ('2026-11-20', 'shop', 1, 1, 0, 0);
INSERT INTO base.marks (step, seq) VALUES ('turns', 1), ('grade', 1);
