"""The history of the schema, for Alembic; ``persistence.database.migrate`` runs it."""
