-- Roles for a PostgreSQL that SchedRace shares with others: each may do what it must, and nothing else.
--
-- Run it in SchedRace's database as a superuser, or as the database's owner with the right CREATEROLE:
--
--     psql --set ON_ERROR_STOP=1 --dbname races --file roles.sql
--
-- It may be run again, also after SchedRace has made its tables: they then get the owner below.
--
--   sr_owner    owns the schema 'schedrace' and changes it when SchedRace is updated; nobody logs in as it
--   sr_app      records races and reads them: CONNECT, TEMP, USAGE, SELECT, INSERT, UPDATE; it deletes nothing,
--               and makes, changes or drops no table
--   sr_cleanup  the same, and DELETE: for 'schedrace cleanup'
--
-- There are no passwords in this file. Set them where no log and no history of a shell keeps them:
--
--     \password sr_app
--     \password sr_cleanup
--
-- Then make the tables (and, after an update of SchedRace, change them) once as somebody who may act as sr_owner: this
-- administrator, or any role after GRANT sr_owner TO that role. SchedRace takes the role of the schema's owner for it:
--
--     SCHEDRACE_DATABASE_URL=postgresql://ADMINISTRATOR@HOST/races schedrace check-db
--
-- From then on everybody uses postgresql://sr_app@HOST/races.

BEGIN;

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['sr_owner', 'sr_app', 'sr_cleanup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE', wanted);
        END IF;
    END LOOP;
    -- to give something to a role one must be able to act as it
    IF NOT pg_has_role(current_user, 'sr_owner', 'MEMBER') OR NOT pg_has_role(current_user, 'sr_owner', 'USAGE') THEN
        EXECUTE format('GRANT sr_owner TO %I', current_user);
    END IF;
END
$$;
ALTER ROLE sr_owner NOLOGIN;
ALTER ROLE sr_app LOGIN;
ALTER ROLE sr_cleanup LOGIN;

-- The stage table of a batch is a temporary one.
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT, TEMP ON DATABASE %I TO sr_app, sr_cleanup', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO sr_owner', current_database());
END
$$;

CREATE SCHEMA IF NOT EXISTS schedrace;
ALTER SCHEMA schedrace OWNER TO sr_owner;
DO $$
DECLARE
    existing record;
BEGIN
    FOR existing IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'schedrace' AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO sr_owner', existing.name);
    END LOOP;
END
$$;

SET LOCAL ROLE sr_owner;

REVOKE ALL ON SCHEMA schedrace FROM PUBLIC, sr_app, sr_cleanup;
REVOKE ALL ON ALL TABLES IN SCHEMA schedrace FROM PUBLIC, sr_app, sr_cleanup;

GRANT USAGE ON SCHEMA schedrace TO sr_app, sr_cleanup;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA schedrace TO sr_app, sr_cleanup;
GRANT DELETE ON ALL TABLES IN SCHEMA schedrace TO sr_cleanup;

-- The tables that a later SchedRace adds.
ALTER DEFAULT PRIVILEGES IN SCHEMA schedrace GRANT SELECT, INSERT, UPDATE ON TABLES TO sr_app, sr_cleanup;
ALTER DEFAULT PRIVILEGES IN SCHEMA schedrace GRANT DELETE ON TABLES TO sr_cleanup;

-- Which schema the tables have is for their owner to say.
DO $$
BEGIN
    IF to_regclass('schedrace.alembic_version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON schedrace.alembic_version FROM sr_app, sr_cleanup;
    END IF;
END
$$;

COMMIT;
