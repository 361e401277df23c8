
-- Row security: a transaction sees and writes the rows of the tenant that it names in the setting billing.tenant, and of no other, also when it belongs
-- to the owner of the tables. Without a tenant it sees none. Left out: billing_tenant and billing_schema, which list what there is, and billing_due_item, which
-- feeds workers over all tenants with the ids of payers and moments, nothing else.
DO $$
DECLARE
    found regclass;
BEGIN
    FOR found IN
        SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
        WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'billing_schema'::regclass)
          AND c.relkind IN ('r', 'p') AND starts_with(c.relname, 'billing_') AND c.relname <> 'billing_due_item'
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', found);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', found);
        EXECUTE format('DROP POLICY IF EXISTS "billing_tenant_rows" ON %s', found);
        EXECUTE format('CREATE POLICY "billing_tenant_rows" ON %s USING ("tenant" = current_setting(''billing.tenant'', true))', found);
    END LOOP;
END
$$;
