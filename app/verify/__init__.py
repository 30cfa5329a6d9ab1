"""Published cases, re-run on the user's machine: what was expected, what came out, and whether they agree."""
