"""The history of the schema, for Alembic; ``persistence.migrate`` runs it."""
