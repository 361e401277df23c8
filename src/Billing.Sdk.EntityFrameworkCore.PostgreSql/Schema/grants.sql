-- The rights of the application's role: rows of the tables, nothing else. Run it again after every upgrade of the schema.
DO $$
DECLARE
    found regclass;
    place text;
BEGIN
    SELECT relnamespace::regnamespace::text INTO place FROM pg_class WHERE oid = 'billing_schema'::regclass;
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', place, :role);
    FOR found IN
        SELECT oid::regclass FROM pg_class
        WHERE relnamespace = place::regnamespace AND relkind IN ('r', 'p') AND starts_with(relname, 'billing_') AND relname <> 'billing_schema'
        ORDER BY relname
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', found, :role);
    END LOOP;
    EXECUTE format('GRANT SELECT ON billing_schema TO %I', :role);
END
$$;
