-- Billing schema 1 for SQLite. Applied in one transaction; each statement can be run again without harm.
-- Instants: Unix ticks of 100 ns. Ids: 16 bytes, big-endian. Rounded amounts: ten-thousandths of the currency unit.
-- Other decimals are TEXT that SQL must not sum, compare or order. Small tables with one access path have no rowid.

CREATE TABLE IF NOT EXISTS "billing_schema" (
    "version" INTEGER NOT NULL PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS "billing_catalog_version" (
    "tenant" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "effective_at" INTEGER NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    "existing_subscriptions" TEXT NOT NULL,
    "definition" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    CONSTRAINT "PK_billing_catalog_version" PRIMARY KEY ("tenant", "number")
);

CREATE TABLE IF NOT EXISTS "billing_coupon_redemption" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "subscription_id" TEXT NULL,
    "coupon" TEXT NOT NULL,
    "redeemed_at" INTEGER NOT NULL,
    "used_on_invoice_id" BLOB NULL,
    "first_period_from" INTEGER NULL,
    CONSTRAINT "PK_billing_coupon_redemption" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_credit_grant" (
    "tenant" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "payer_id" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "remaining" INTEGER NOT NULL,
    "expires_at" INTEGER NULL,
    "priority" INTEGER NOT NULL,
    "paid_amount" INTEGER NOT NULL,
    "charges" TEXT NOT NULL,
    "usable" INTEGER NOT NULL,
    "invoice_id" BLOB NULL,
    "expired" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "ordinal" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_credit_grant" PRIMARY KEY ("tenant", "customer_id", "id")
);

CREATE TABLE IF NOT EXISTS "billing_credit_note" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "legal_entity" TEXT NOT NULL,
    "series" TEXT NOT NULL,
    "invoice_id" BLOB NULL,
    "currency" TEXT NOT NULL,
    "total" INTEGER NOT NULL,
    "tax" INTEGER NOT NULL,
    "remaining" INTEGER NOT NULL,
    "date" TEXT NOT NULL,
    "issued_at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_credit_note" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_credit_use" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "invoice_id" BLOB NOT NULL,
    "source" TEXT NOT NULL,
    "source_id" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_credit_use" PRIMARY KEY ("tenant", "id")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "billing_customer" (
    "tenant" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "payer_id" TEXT NOT NULL,
    "parent_id" TEXT NULL,
    "currency" TEXT NOT NULL,
    "time_zone" TEXT NULL,
    "billing_day" INTEGER NULL,
    "country" TEXT NULL,
    "region" TEXT NULL,
    "tax_id" TEXT NULL,
    "tax_exempt" INTEGER NOT NULL,
    "credit_balance" INTEGER NOT NULL,
    "message_sequence" INTEGER NOT NULL,
    "due_at" INTEGER NULL,
    "billed_through" INTEGER NULL,
    "settled_through" INTEGER NULL,
    "history_from" INTEGER NOT NULL,
    "first_open_invoice" INTEGER NOT NULL,
    "last_invoice_ordinal" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "billing_version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_customer" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_customer_contact" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "valid_from" INTEGER NOT NULL,
    "name" TEXT NULL,
    "email" TEXT NULL,
    "billing_address" TEXT NULL,
    "service_address" TEXT NULL,
    CONSTRAINT "PK_billing_customer_contact" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_due_item" (
    "tenant" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "payer_id" TEXT NOT NULL,
    "due_at" INTEGER NOT NULL,
    "reopens_from" INTEGER NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_due_item" PRIMARY KEY ("tenant", "kind", "payer_id")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "billing_idempotency_record" (
    "tenant" TEXT NOT NULL,
    "command" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "answer" TEXT NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_idempotency_record" PRIMARY KEY ("tenant", "command", "key")
);

CREATE TABLE IF NOT EXISTS "billing_invoice" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "legal_entity" TEXT NOT NULL,
    "series" TEXT NOT NULL,
    "series_number" INTEGER NULL,
    "number" TEXT NULL,
    "currency" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "dated_at" INTEGER NOT NULL,
    "date" TEXT NOT NULL,
    "due_date" TEXT NULL,
    "finalize_at" INTEGER NULL,
    "finalized_at" INTEGER NULL,
    "subtotal" INTEGER NOT NULL,
    "discount" INTEGER NOT NULL,
    "tax" INTEGER NOT NULL,
    "total" INTEGER NOT NULL,
    "credit_applied" INTEGER NOT NULL,
    "amount_paid" INTEGER NOT NULL,
    "amount_written_off" INTEGER NOT NULL,
    "fees_only" INTEGER NOT NULL,
    "aging_steps_done" INTEGER NOT NULL,
    "next_aging_at" INTEGER NULL,
    "next_collection_at" INTEGER NULL,
    "version" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "actor" TEXT NOT NULL,
    CONSTRAINT "PK_billing_invoice" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_invoice_line" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "invoice_id" BLOB NOT NULL,
    "position" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "subscription_id" TEXT NULL,
    "plan" TEXT NULL,
    "charge" TEXT NULL,
    "description" TEXT NOT NULL,
    "from" INTEGER NULL,
    "to" INTEGER NULL,
    "from_date" TEXT NULL,
    "to_date" TEXT NULL,
    "zone" TEXT NULL,
    "period_from" INTEGER NULL,
    "period_to" INTEGER NULL,
    "quantity" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "exact_amount" TEXT NOT NULL,
    "discount" INTEGER NOT NULL,
    "tax" INTEGER NOT NULL,
    "inclusive_tax" INTEGER NOT NULL,
    "price_key" TEXT NULL,
    "layer_from" TEXT NOT NULL,
    "layer_to" TEXT NOT NULL,
    "reverses_line_id" BLOB NULL,
    "tax_code" TEXT NULL,
    "discounts" TEXT NOT NULL,
    "taxes" TEXT NOT NULL,
    "credited_amount" INTEGER NOT NULL,
    "voided" INTEGER NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_invoice_line" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_invoice_number" (
    "tenant" TEXT NOT NULL,
    "legal_entity" TEXT NOT NULL,
    "series" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "invoice_id" BLOB NOT NULL,
    CONSTRAINT "PK_billing_invoice_number" PRIMARY KEY ("tenant", "legal_entity", "series", "number")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "billing_ledger_entry" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "transaction_id" BLOB NOT NULL,
    "account" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "accounting_date" TEXT NOT NULL,
    "service_from" TEXT NULL,
    "service_to" TEXT NULL,
    CONSTRAINT "PK_billing_ledger_entry" PRIMARY KEY ("tenant", "id")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "billing_ledger_transaction" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "legal_entity" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "accounting_date" TEXT NOT NULL,
    "document_kind" TEXT NOT NULL,
    "document_id" TEXT NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    "actor" TEXT NOT NULL,
    "reason" TEXT NULL,
    "correlation_id" TEXT NULL,
    CONSTRAINT "PK_billing_ledger_transaction" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_outbox_message" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "notify" INTEGER NOT NULL,
    "data" TEXT NOT NULL,
    "occurred_at" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "due_at" INTEGER NOT NULL,
    "attempts" INTEGER NOT NULL,
    "leased_until" INTEGER NULL,
    "last_error" TEXT NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_outbox_message" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_payment" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "invoice_id" BLOB NOT NULL,
    "currency" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "unapplied_amount" INTEGER NOT NULL,
    "refunded_amount" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "method_type" TEXT NOT NULL,
    "payment_method_id" TEXT NULL,
    "attempts" INTEGER NOT NULL,
    "last_code" TEXT NULL,
    "next_attempt_at" INTEGER NULL,
    "created_at" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_payment" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_payment_attempt" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "payment_id" BLOB NOT NULL,
    "number" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "gateway" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "currency" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "code" TEXT NULL,
    "gateway_reference" TEXT NULL,
    "action_link" TEXT NULL,
    "query_at" INTEGER NULL,
    "started_at" INTEGER NOT NULL,
    "completed_at" INTEGER NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_payment_attempt" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_payment_method" (
    "tenant" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "payer_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "gateway" TEXT NULL,
    "token" TEXT NOT NULL,
    "brand" TEXT NULL,
    "last_four" TEXT NULL,
    "expiry_month" INTEGER NULL,
    "expiry_year" INTEGER NULL,
    "is_default" INTEGER NOT NULL,
    "added_at" INTEGER NOT NULL,
    "removed_at" INTEGER NULL,
    CONSTRAINT "PK_billing_payment_method" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_pending_item" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "charge" TEXT NULL,
    "description" TEXT NOT NULL,
    "amount" INTEGER NOT NULL,
    "tax_code" TEXT NULL,
    "invoice_now" INTEGER NOT NULL,
    "credit_grant_id" TEXT NULL,
    "fee_of_invoice_id" BLOB NULL,
    "recorded_at" INTEGER NOT NULL,
    "invoice_id" BLOB NULL,
    CONSTRAINT "PK_billing_pending_item" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_quarantine_item" (
    "tenant" TEXT NOT NULL,
    "payer_id" TEXT NOT NULL,
    "stage" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "fingerprint" INTEGER NOT NULL,
    "since" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_quarantine_item" PRIMARY KEY ("tenant", "payer_id")
);

CREATE TABLE IF NOT EXISTS "billing_refund" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "payment_id" BLOB NOT NULL,
    "amount" INTEGER NOT NULL,
    "currency" TEXT NOT NULL,
    "credit_note_id" BLOB NULL,
    "state" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_refund" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_rejected_record" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "feed" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "raw" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_rejected_record" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_run_record" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "as_of" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "shards" INTEGER NOT NULL,
    "total" INTEGER NOT NULL,
    "payers" INTEGER NOT NULL,
    "invoices" INTEGER NOT NULL,
    "quarantined" INTEGER NOT NULL,
    "actor" TEXT NOT NULL,
    "started_at" INTEGER NOT NULL,
    "finished_at" INTEGER NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_run_record" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_run_shard" (
    "tenant" TEXT NOT NULL,
    "run_id" BLOB NOT NULL,
    "number" INTEGER NOT NULL,
    "after" TEXT NULL,
    "through" TEXT NULL,
    "cursor" TEXT NULL,
    "state" TEXT NOT NULL,
    "worker" TEXT NULL,
    "leased_until" INTEGER NULL,
    "payers" INTEGER NOT NULL,
    "invoices" INTEGER NOT NULL,
    "quarantined" INTEGER NOT NULL,
    "last_error" TEXT NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_run_shard" PRIMARY KEY ("tenant", "run_id", "number")
);

CREATE TABLE IF NOT EXISTS "billing_subscription" (
    "tenant" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "payer_id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "parent_subscription_id" TEXT NULL,
    "currency" TEXT NOT NULL,
    "suspended_at" INTEGER NULL,
    "created_at" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_subscription" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_subscription_term" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "payer_id" TEXT NOT NULL,
    "subscription_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "effective_at" INTEGER NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    "superseded_at" INTEGER NULL,
    "plan" TEXT NULL,
    "quantities" TEXT NOT NULL,
    "overrides" TEXT NOT NULL,
    "trial_days" INTEGER NULL,
    "billing_time" TEXT NULL,
    "billing_day" INTEGER NULL,
    "time_zone" TEXT NULL,
    "prorate" INTEGER NOT NULL,
    "reset_anchor" INTEGER NOT NULL,
    "credit" INTEGER NOT NULL,
    "invoice_usage" INTEGER NOT NULL,
    "until" INTEGER NULL,
    "by_dunning" INTEGER NOT NULL,
    "actor" TEXT NOT NULL,
    "reason" TEXT NULL,
    "correlation_id" TEXT NULL,
    CONSTRAINT "PK_billing_subscription_term" PRIMARY KEY ("tenant", "id")
);

CREATE TABLE IF NOT EXISTS "billing_task_configuration" (
    "tenant" TEXT NOT NULL CONSTRAINT "PK_billing_task_configuration" PRIMARY KEY,
    "entries" TEXT NOT NULL,
    "version" INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS "billing_tenant" (
    "id" TEXT NOT NULL CONSTRAINT "PK_billing_tenant" PRIMARY KEY,
    "name" TEXT NOT NULL,
    "settings" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL,
    "usage_keys_from" INTEGER NULL,
    "version" INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS "billing_usage_key" (
    "tenant" TEXT NOT NULL,
    "hash" BLOB NOT NULL,
    "stored_at" INTEGER NOT NULL,
    "at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_usage_key" PRIMARY KEY ("tenant", "hash")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "billing_usage_record" (
    "tenant" TEXT NOT NULL,
    "stored_at" INTEGER NOT NULL,
    "hash" BLOB NOT NULL,
    "event_id" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "at" INTEGER NOT NULL,
    "bucket" INTEGER NOT NULL,
    "event_type" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "properties" TEXT NOT NULL,
    "customer_id" TEXT NULL,
    "subscription_id" TEXT NULL,
    "recorded_at" INTEGER NOT NULL,
    "removed" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_usage_record" PRIMARY KEY ("tenant", "stored_at", "hash")
);

CREATE TABLE IF NOT EXISTS "billing_usage_rollup" (
    "tenant" TEXT NOT NULL,
    "id" BLOB NOT NULL,
    "subscription_id" TEXT NOT NULL,
    "meter" TEXT NOT NULL,
    "group" TEXT NOT NULL,
    "bucket" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "sum" TEXT NOT NULL,
    "min" TEXT NULL,
    "max" TEXT NULL,
    "replaces" INTEGER NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    CONSTRAINT "PK_billing_usage_rollup" PRIMARY KEY ("tenant", "subscription_id", "meter", "bucket", "id")
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS "IX_billing_coupon_redemption_tenant_coupon" ON "billing_coupon_redemption" ("tenant", "coupon");

CREATE INDEX IF NOT EXISTS "IX_billing_coupon_redemption_tenant_payer_id" ON "billing_coupon_redemption" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_credit_grant_tenant_payer_id" ON "billing_credit_grant" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_credit_note_tenant_payer_id" ON "billing_credit_note" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_credit_use_tenant_payer_id" ON "billing_credit_use" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_customer_tenant_payer_id" ON "billing_customer" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_customer_contact_tenant_payer_id" ON "billing_customer_contact" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_due_item_kind_due_at_tenant_payer_id" ON "billing_due_item" ("kind", "due_at", "tenant", "payer_id");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_invoice_tenant_payer_id_ordinal" ON "billing_invoice" ("tenant", "payer_id", "ordinal");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_invoice_line_tenant_key_revision" ON "billing_invoice_line" ("tenant", "key", "revision");

CREATE INDEX IF NOT EXISTS "IX_billing_invoice_line_tenant_payer_id_recorded_at" ON "billing_invoice_line" ("tenant", "payer_id", "recorded_at");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_invoice_number_tenant_invoice_id" ON "billing_invoice_number" ("tenant", "invoice_id");

CREATE INDEX IF NOT EXISTS "IX_billing_ledger_entry_tenant_payer_id" ON "billing_ledger_entry" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_ledger_transaction_tenant_payer_id" ON "billing_ledger_transaction" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_outbox_message_state_tenant_payer_id_sequence" ON "billing_outbox_message" ("state", "tenant", "payer_id", "sequence");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_outbox_message_tenant_payer_id_sequence" ON "billing_outbox_message" ("tenant", "payer_id", "sequence");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_payment_tenant_payer_id_ordinal" ON "billing_payment" ("tenant", "payer_id", "ordinal");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_payment_attempt_tenant_key" ON "billing_payment_attempt" ("tenant", "key");

CREATE INDEX IF NOT EXISTS "IX_billing_payment_attempt_tenant_payer_id" ON "billing_payment_attempt" ("tenant", "payer_id");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_payment_attempt_tenant_payment_id_number" ON "billing_payment_attempt" ("tenant", "payment_id", "number");

CREATE INDEX IF NOT EXISTS "IX_billing_payment_method_tenant_payer_id" ON "billing_payment_method" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_pending_item_tenant_payer_id" ON "billing_pending_item" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_refund_tenant_payer_id" ON "billing_refund" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_rejected_record_tenant_recorded_at" ON "billing_rejected_record" ("tenant", "recorded_at");

CREATE INDEX IF NOT EXISTS "IX_billing_subscription_tenant_customer_id" ON "billing_subscription" ("tenant", "customer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_subscription_tenant_payer_id" ON "billing_subscription" ("tenant", "payer_id");

CREATE INDEX IF NOT EXISTS "IX_billing_subscription_term_tenant_payer_id" ON "billing_subscription_term" ("tenant", "payer_id");

CREATE UNIQUE INDEX IF NOT EXISTS "IX_billing_subscription_term_tenant_subscription_id_sequence" ON "billing_subscription_term" ("tenant", "subscription_id", "sequence");

CREATE INDEX IF NOT EXISTS "IX_billing_usage_record_tenant_subscription_id_event_type_bucket_removed" ON "billing_usage_record" ("tenant", "subscription_id", "event_type", "bucket", "removed");
