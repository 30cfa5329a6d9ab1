"""What ``schedrace check-db`` looks at."""
