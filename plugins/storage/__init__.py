"""The built-in storages."""
