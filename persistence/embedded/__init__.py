"""SchedRace's own PostgreSQL: found, started as a child, handed over, stopped."""
