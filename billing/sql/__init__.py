"""The ledger's SQL, one file per event of a request's life, loaded by migrations."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def read(*names: str) -> str:
    """The text of these files, in this order: `read("tables", "shared")`."""
    return "\n".join((FOLDER / f"{name}.sql").read_text() for name in names)
