"""The secrets of the embedded default: made once, kept in the data folder, never in the repository."""

import contextlib
import json
import os
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class LocalSecrets:
    """What production gets from its environment.

    `encryption_key` is a Fernet key (32 bytes, URL-safe base64); the passwords belong to the two PostgreSQL roles.
    """

    secret_key: str
    encryption_key: str
    owner_password: str
    application_password: str


def local_secrets(data_dir: Path) -> LocalSecrets:
    """Read `secrets.json` (mode 0600) in `data_dir`, making folder and file on first use.

    Two processes that start at once agree: the file is written aside and linked, so the first one wins whole.
    """
    path = data_dir / "secrets.json"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = data_dir / f"secrets.{os.getpid()}.tmp"
        try:
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(asdict(_make()), indent=2))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    return LocalSecrets(**json.loads(path.read_text()))


def _make() -> LocalSecrets:
    return LocalSecrets(
        secret_key=secrets.token_urlsafe(50),
        encryption_key=urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        owner_password=secrets.token_urlsafe(24),
        application_password=secrets.token_urlsafe(24),
    )
