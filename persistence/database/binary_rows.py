"""Rows of plain numbers from PostgreSQL straight into numpy."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from psycopg2 import sql

_HEADER_BYTES = 19
_TYPES = {"int4": ">i4", "int8": ">i8", "float8": ">f8"}


def copied_rows(cursor: Any, query: Any, columns: Mapping[str, str]) -> dict[str, Any]:
    """Run a (psycopg2-composed) query and return its columns as arrays; none of its values may be NULL.

    ``columns`` are name and PostgreSQL type (``int4``, ``int8``, ``float8``) in the query's order.
    """
    out = io.BytesIO()
    cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query), out)
    fields = [("n", ">i2")]
    for name, kind in columns.items():
        fields += [(f"{name} bytes", ">i4"), (name, _TYPES[kind])]
    rows = np.frombuffer(memoryview(out.getvalue())[_HEADER_BYTES:-2], np.dtype(fields))
    return {name: rows[name].astype(rows.dtype[name].newbyteorder("=")) for name in columns}
