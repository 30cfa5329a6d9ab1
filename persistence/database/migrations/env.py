"""Run by Alembic inside the transaction and on the connection that ``persistence.database.migrate`` hands over."""

from alembic import context

from persistence.schema import SCHEMA, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    transaction_per_migration=False,
)
context.run_migrations()
