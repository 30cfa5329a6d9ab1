"""PostgreSQL: connections that cannot hang, migrations, and all the SQL."""
