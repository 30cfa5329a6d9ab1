"""Where races are kept: the journal, PostgreSQL (a given one or our own), and the one door to the recorded data."""
