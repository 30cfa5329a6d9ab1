"""What is imported when: the window that has no database yet must not wait for the libraries of one."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("sqlalchemy", "psycopg2", "alembic", "pyarrow", "sklearn")


@pytest.mark.parametrize(
    "program",
    [
        "from plugins.registry import load_registry; load_registry()",
        "import persistence.settings; persistence.settings.load_settings()",
        "import persistence.storage, plugins.storage.postgresql",
    ],
)
def test_no_database_library_is_imported_before_a_database_is_used(program: str) -> None:
    code = f"import sys; {program}; print(*(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
