-- Billing schema 1 for PostgreSQL 15 and newer. Applied in one transaction; each statement can be run again without harm.
-- Instants: Unix ticks of 100 ns (billing_time turns them into timestamptz). Ids of the engine: uuid, in the order in which they were made.
-- All text compares byte by byte. Every key begins with the tenant, so that tables can be divided or distributed by it.

CREATE TABLE IF NOT EXISTS billing_schema (
    version integer NOT NULL PRIMARY KEY
);

CREATE OR REPLACE FUNCTION billing_time(ticks bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN timestamptz 'epoch' + (ticks / 10) * interval '1 microsecond';

CREATE TABLE IF NOT EXISTS billing_catalog_version (
    tenant text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    effective_at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    existing_subscriptions text COLLATE "C" NOT NULL,
    definition text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    CONSTRAINT "PK_billing_catalog_version" PRIMARY KEY (tenant, number)
);

CREATE TABLE IF NOT EXISTS billing_coupon_redemption (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C",
    coupon text COLLATE "C" NOT NULL,
    redeemed_at bigint NOT NULL,
    used_on_invoice_id uuid,
    first_period_from bigint,
    CONSTRAINT "PK_billing_coupon_redemption" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_credit_grant (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    remaining numeric NOT NULL,
    expires_at bigint,
    priority integer NOT NULL,
    paid_amount numeric NOT NULL,
    charges text COLLATE "C" NOT NULL,
    usable boolean NOT NULL,
    invoice_id uuid,
    expired boolean NOT NULL,
    created_at bigint NOT NULL,
    ordinal integer NOT NULL,
    CONSTRAINT "PK_billing_credit_grant" PRIMARY KEY (tenant, customer_id, id)
);

CREATE TABLE IF NOT EXISTS billing_credit_note (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    ordinal integer NOT NULL,
    legal_entity text COLLATE "C" NOT NULL,
    series text COLLATE "C" NOT NULL,
    invoice_id uuid,
    currency text COLLATE "C" NOT NULL,
    total numeric NOT NULL,
    tax numeric NOT NULL,
    remaining numeric NOT NULL,
    date date NOT NULL,
    issued_at bigint NOT NULL,
    CONSTRAINT "PK_billing_credit_note" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_credit_use (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    invoice_id uuid NOT NULL,
    source text COLLATE "C" NOT NULL,
    source_id text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    at bigint NOT NULL,
    CONSTRAINT "PK_billing_credit_use" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_customer (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    parent_id text COLLATE "C",
    currency text COLLATE "C" NOT NULL,
    time_zone text COLLATE "C",
    billing_day integer,
    country text COLLATE "C",
    region text COLLATE "C",
    tax_id text COLLATE "C",
    tax_exempt boolean NOT NULL,
    credit_balance numeric NOT NULL,
    message_sequence bigint NOT NULL,
    due_at bigint,
    billed_through bigint,
    settled_through bigint,
    history_from bigint NOT NULL,
    first_open_invoice integer NOT NULL,
    last_invoice_ordinal integer NOT NULL,
    created_at bigint NOT NULL,
    billing_version bigint NOT NULL,
    CONSTRAINT "PK_billing_customer" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_customer_contact (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    valid_from bigint NOT NULL,
    name text COLLATE "C",
    email text COLLATE "C",
    billing_address text COLLATE "C",
    service_address text COLLATE "C",
    CONSTRAINT "PK_billing_customer_contact" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_due_item (
    tenant text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    due_at bigint NOT NULL,
    reopens_from bigint,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_due_item" PRIMARY KEY (tenant, kind, payer_id)
);

CREATE TABLE IF NOT EXISTS billing_idempotency_record (
    tenant text COLLATE "C" NOT NULL,
    command text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request_hash text COLLATE "C" NOT NULL,
    answer text COLLATE "C" NOT NULL,
    recorded_at bigint NOT NULL,
    CONSTRAINT "PK_billing_idempotency_record" PRIMARY KEY (tenant, command, key)
);

CREATE TABLE IF NOT EXISTS billing_invoice (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    ordinal integer NOT NULL,
    legal_entity text COLLATE "C" NOT NULL,
    series text COLLATE "C" NOT NULL,
    series_number bigint,
    number text COLLATE "C",
    currency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    dated_at bigint NOT NULL,
    date date NOT NULL,
    due_date date,
    finalize_at bigint,
    finalized_at bigint,
    subtotal numeric NOT NULL,
    discount numeric NOT NULL,
    tax numeric NOT NULL,
    total numeric NOT NULL,
    credit_applied numeric NOT NULL,
    amount_paid numeric NOT NULL,
    amount_written_off numeric NOT NULL,
    fees_only boolean NOT NULL,
    aging_steps_done integer NOT NULL,
    next_aging_at bigint,
    next_collection_at bigint,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    CONSTRAINT "PK_billing_invoice" PRIMARY KEY (tenant, id)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_invoice_line (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    invoice_id uuid NOT NULL,
    position integer NOT NULL,
    key text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    type text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C",
    plan text COLLATE "C",
    charge text COLLATE "C",
    description text COLLATE "C" NOT NULL,
    "from" bigint,
    "to" bigint,
    from_date date,
    to_date date,
    zone text COLLATE "C",
    period_from bigint,
    period_to bigint,
    quantity numeric NOT NULL,
    amount numeric NOT NULL,
    exact_amount numeric NOT NULL,
    discount numeric NOT NULL,
    tax numeric NOT NULL,
    inclusive_tax numeric NOT NULL,
    price_key text COLLATE "C",
    layer_from numeric NOT NULL,
    layer_to numeric NOT NULL,
    reverses_line_id uuid,
    tax_code text COLLATE "C",
    discounts text COLLATE "C" NOT NULL,
    taxes text COLLATE "C" NOT NULL,
    credited_amount numeric NOT NULL,
    voided boolean NOT NULL,
    recorded_at bigint NOT NULL,
    CONSTRAINT "PK_billing_invoice_line" PRIMARY KEY (tenant, id)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_invoice_number (
    tenant text COLLATE "C" NOT NULL,
    legal_entity text COLLATE "C" NOT NULL,
    series text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    invoice_id uuid NOT NULL,
    CONSTRAINT "PK_billing_invoice_number" PRIMARY KEY (tenant, legal_entity, series, number)
);

CREATE TABLE IF NOT EXISTS billing_ledger_entry (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    transaction_id uuid NOT NULL,
    account text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    accounting_date date NOT NULL,
    service_from date,
    service_to date,
    CONSTRAINT "PK_billing_ledger_entry" PRIMARY KEY (tenant, id)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_ledger_transaction (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    legal_entity text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    accounting_date date NOT NULL,
    document_kind text COLLATE "C" NOT NULL,
    document_id text COLLATE "C" NOT NULL,
    recorded_at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    reason text COLLATE "C",
    correlation_id text COLLATE "C",
    CONSTRAINT "PK_billing_ledger_transaction" PRIMARY KEY (tenant, id)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_outbox_message (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    notify boolean NOT NULL,
    data text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    due_at bigint NOT NULL,
    attempts integer NOT NULL,
    leased_until bigint,
    last_error text COLLATE "C",
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_outbox_message" PRIMARY KEY (tenant, id)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_payment (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    ordinal integer NOT NULL,
    invoice_id uuid NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    unapplied_amount numeric NOT NULL,
    refunded_amount numeric NOT NULL,
    state text COLLATE "C" NOT NULL,
    method_type text COLLATE "C" NOT NULL,
    payment_method_id text COLLATE "C",
    attempts integer NOT NULL,
    last_code text COLLATE "C",
    next_attempt_at bigint,
    created_at bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_payment" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_payment_attempt (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    payment_id uuid NOT NULL,
    number integer NOT NULL,
    key text COLLATE "C" NOT NULL,
    gateway text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    currency text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    code text COLLATE "C",
    gateway_reference text COLLATE "C",
    action_link text COLLATE "C",
    query_at bigint,
    started_at bigint NOT NULL,
    completed_at bigint,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_payment_attempt" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_payment_method (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    gateway text COLLATE "C",
    token text COLLATE "C" NOT NULL,
    brand text COLLATE "C",
    last_four text COLLATE "C",
    expiry_month integer,
    expiry_year integer,
    is_default boolean NOT NULL,
    added_at bigint NOT NULL,
    removed_at bigint,
    CONSTRAINT "PK_billing_payment_method" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_pending_item (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    charge text COLLATE "C",
    description text COLLATE "C" NOT NULL,
    amount numeric NOT NULL,
    tax_code text COLLATE "C",
    invoice_now boolean NOT NULL,
    credit_grant_id text COLLATE "C",
    fee_of_invoice_id uuid,
    recorded_at bigint NOT NULL,
    invoice_id uuid,
    CONSTRAINT "PK_billing_pending_item" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_quarantine_item (
    tenant text COLLATE "C" NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    stage text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    message text COLLATE "C" NOT NULL,
    fingerprint bigint NOT NULL,
    since bigint NOT NULL,
    CONSTRAINT "PK_billing_quarantine_item" PRIMARY KEY (tenant, payer_id)
);

CREATE TABLE IF NOT EXISTS billing_refund (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    payment_id uuid NOT NULL,
    amount numeric NOT NULL,
    currency text COLLATE "C" NOT NULL,
    credit_note_id uuid,
    state text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT "PK_billing_refund" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_rejected_record (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    feed text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    raw text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    recorded_at bigint NOT NULL,
    CONSTRAINT "PK_billing_rejected_record" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_run_record (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    as_of bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    shards integer NOT NULL,
    total integer NOT NULL,
    payers integer NOT NULL,
    invoices integer NOT NULL,
    quarantined integer NOT NULL,
    actor text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_run_record" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_run_shard (
    tenant text COLLATE "C" NOT NULL,
    run_id uuid NOT NULL,
    number integer NOT NULL,
    after text COLLATE "C",
    through text COLLATE "C",
    cursor text COLLATE "C",
    state text COLLATE "C" NOT NULL,
    worker text COLLATE "C",
    leased_until bigint,
    payers integer NOT NULL,
    invoices integer NOT NULL,
    quarantined integer NOT NULL,
    last_error text COLLATE "C",
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_run_shard" PRIMARY KEY (tenant, run_id, number)
);

CREATE TABLE IF NOT EXISTS billing_subscription (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    parent_subscription_id text COLLATE "C",
    currency text COLLATE "C" NOT NULL,
    suspended_at bigint,
    created_at bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_subscription" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_subscription_term (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    payer_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    sequence integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    effective_at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    superseded_at bigint,
    plan text COLLATE "C",
    quantities text COLLATE "C" NOT NULL,
    overrides text COLLATE "C" NOT NULL,
    trial_days integer,
    billing_time text COLLATE "C",
    billing_day integer,
    time_zone text COLLATE "C",
    prorate boolean NOT NULL,
    reset_anchor boolean NOT NULL,
    credit boolean NOT NULL,
    invoice_usage boolean NOT NULL,
    until bigint,
    by_dunning boolean NOT NULL,
    actor text COLLATE "C" NOT NULL,
    reason text COLLATE "C",
    correlation_id text COLLATE "C",
    CONSTRAINT "PK_billing_subscription_term" PRIMARY KEY (tenant, id)
);

CREATE TABLE IF NOT EXISTS billing_task_configuration (
    tenant text COLLATE "C" NOT NULL,
    entries text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_task_configuration" PRIMARY KEY (tenant)
);

CREATE TABLE IF NOT EXISTS billing_tenant (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    settings text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    usage_keys_from bigint,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_tenant" PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS billing_usage_key (
    tenant text COLLATE "C" NOT NULL,
    hash uuid NOT NULL,
    stored_at bigint NOT NULL,
    at bigint NOT NULL,
    CONSTRAINT "PK_billing_usage_key" PRIMARY KEY (tenant, hash)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_usage_record (
    tenant text COLLATE "C" NOT NULL,
    stored_at bigint NOT NULL,
    hash uuid NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    bucket bigint NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    properties text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C",
    subscription_id text COLLATE "C",
    recorded_at bigint NOT NULL,
    removed boolean NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT "PK_billing_usage_record" PRIMARY KEY (tenant, stored_at, hash)
) /* by tenant */;

CREATE TABLE IF NOT EXISTS billing_usage_rollup (
    tenant text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    meter text COLLATE "C" NOT NULL,
    "group" text COLLATE "C" NOT NULL,
    bucket bigint NOT NULL,
    count bigint NOT NULL,
    sum numeric NOT NULL,
    min numeric,
    max numeric,
    replaces boolean NOT NULL,
    recorded_at bigint NOT NULL,
    CONSTRAINT "PK_billing_usage_rollup" PRIMARY KEY (tenant, subscription_id, meter, bucket, id)
) /* by tenant */;

CREATE INDEX IF NOT EXISTS "IX_billing_coupon_redemption_tenant_coupon" ON billing_coupon_redemption (tenant, coupon);
CREATE INDEX IF NOT EXISTS "IX_billing_coupon_redemption_tenant_payer_id" ON billing_coupon_redemption (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_credit_grant_tenant_payer_id" ON billing_credit_grant (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_credit_note_tenant_payer_id" ON billing_credit_note (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_credit_use_tenant_payer_id" ON billing_credit_use (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_customer_tenant_payer_id" ON billing_customer (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_customer_contact_tenant_payer_id" ON billing_customer_contact (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_due_item_kind_due_at_tenant_payer_id" ON billing_due_item (kind, due_at, tenant, payer_id);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_invoice_tenant_payer_id_ordinal" ON billing_invoice (tenant, payer_id, ordinal);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_invoice_line_tenant_key_revision" ON billing_invoice_line (tenant, key, revision);
CREATE INDEX IF NOT EXISTS "IX_billing_invoice_line_tenant_payer_id_recorded_at" ON billing_invoice_line (tenant, payer_id, recorded_at);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_invoice_number_tenant_invoice_id" ON billing_invoice_number (tenant, invoice_id);
CREATE INDEX IF NOT EXISTS "IX_billing_ledger_entry_tenant_payer_id" ON billing_ledger_entry (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_ledger_transaction_tenant_payer_id" ON billing_ledger_transaction (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_outbox_message_state_tenant_payer_id_sequence" ON billing_outbox_message (state, tenant, payer_id, sequence);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_outbox_message_tenant_payer_id_sequence" ON billing_outbox_message (tenant, payer_id, sequence);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_payment_tenant_payer_id_ordinal" ON billing_payment (tenant, payer_id, ordinal);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_payment_attempt_tenant_key" ON billing_payment_attempt (tenant, key);
CREATE INDEX IF NOT EXISTS "IX_billing_payment_attempt_tenant_payer_id" ON billing_payment_attempt (tenant, payer_id);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_payment_attempt_tenant_payment_id_number" ON billing_payment_attempt (tenant, payment_id, number);
CREATE INDEX IF NOT EXISTS "IX_billing_payment_method_tenant_payer_id" ON billing_payment_method (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_pending_item_tenant_payer_id" ON billing_pending_item (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_refund_tenant_payer_id" ON billing_refund (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_rejected_record_tenant_recorded_at" ON billing_rejected_record (tenant, recorded_at);
CREATE INDEX IF NOT EXISTS "IX_billing_subscription_tenant_customer_id" ON billing_subscription (tenant, customer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_subscription_tenant_payer_id" ON billing_subscription (tenant, payer_id);
CREATE INDEX IF NOT EXISTS "IX_billing_subscription_term_tenant_payer_id" ON billing_subscription_term (tenant, payer_id);
CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_subscription_term_tenant_subscription_id_sequence" ON billing_subscription_term (tenant, subscription_id, sequence);
CREATE INDEX IF NOT EXISTS "IX_billing_usage_record_tenant_subscription_id_event_type_buck~" ON billing_usage_record (tenant, subscription_id, event_type, bucket, removed);
