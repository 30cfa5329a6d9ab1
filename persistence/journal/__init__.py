"""A run's journal: its files, its rows as text, and what can be read from it alone."""
