"""Where the embedded PostgreSQL keeps its files: pure, so that settings can ask before anything runs."""

import hashlib
import os
import tempfile
from pathlib import Path

# The kernel's limit of a socket's path is 107 bytes, and PostgreSQL adds "/.s.PGSQL.5432.lock".
SOCKET_DIR_BYTES_MAX = 107 - len("/.s.PGSQL.5432.lock")


def cluster_dir(data_dir: Path) -> Path:
    """The folder of PostgreSQL's data."""
    return data_dir / "postgres"


def socket_dir(data_dir: Path) -> Path:
    """The folder of PostgreSQL's socket: in the data folder, or in the temporary one where that path is too long."""
    inside = data_dir / "run"
    if len(os.fsencode(inside)) <= SOCKET_DIR_BYTES_MAX:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tokenoutput-{name}"
