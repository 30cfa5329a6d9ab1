"""Runs as folders that another person can open: export and import."""
