"""What a person allowed an app becomes a code, and the code a key: once, within minutes, for who began it."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.utils import timezone

from accounts.api_keys import api_key_create
from accounts.audit import acting_via
from billing.ledger import Period
from billing.limits import limit_set
from tokenoutput.models import ConnectCode

GOOD_FOR = timedelta(minutes=10)
KEPT_FOR = timedelta(days=1)
# SHA-256 in base64url; and what it may be of (RFC 7636).
CHALLENGE = r"\A[A-Za-z0-9_-]{43}\Z"
VERIFIER = "^[A-Za-z0-9._~-]{43,128}$"


class CodeRefused(Exception):
    """The code is unknown, used or too old, or the verifier is another's: one wording for all."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person allowed, and whom. `app` is the host that asked."""

    organization_id: int
    member_id: int
    user_id: int
    app: str
    name: str
    expires_at: datetime | None
    limit_period: Period | None
    limit_nanos: int | None


@dataclass(frozen=True, slots=True)
class Connected:
    """The key an app got, and whose it is."""

    secret: str = field(repr=False)
    member_id: int


def code_make(*, allowed: Allowed, challenge: str) -> str:
    """A code for the app. Only its hash is kept, and old ones go as new ones come."""
    ConnectCode.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    code = secrets.token_urlsafe(32)
    ConnectCode.objects.create(
        code_hash=_hash(code),
        challenge=challenge,
        organization_id=allowed.organization_id,
        member_id=allowed.member_id,
        user_id=allowed.user_id,
        app=allowed.app,
        name=allowed.name,
        key_expires_at=allowed.expires_at,
        limit_period=allowed.limit_period or "",
        limit_nanos=allowed.limit_nanos,
    )
    return code


@transaction.atomic
def code_exchange(*, code: str, verifier: str) -> Connected:
    """The key that was allowed, with its limit from the first moment on.

    Raises `CodeRefused`, and what making a key raises: the member's role may have changed meanwhile.
    """
    # Locked: of two that come at once the second one finds it used.
    row = ConnectCode.objects.select_for_update().filter(code_hash=_hash(code), used_at=None).first()
    if row is None or row.created_at < timezone.now() - GOOD_FOR or not _verified(verifier, row.challenge):
        raise CodeRefused
    with acting_via(f"app {row.app}"):
        made = api_key_create(
            organization_id=row.organization_id,
            member_id=row.member_id,
            name=row.name,
            expires_at=row.key_expires_at,
        )
        if row.limit_nanos is not None:
            limit_set(
                organization_id=row.organization_id,
                api_key_id=made.id,
                period=cast("Period", row.limit_period),
                amount_nanos=row.limit_nanos,
                user_id=row.user_id,
            )
    row.used_at = timezone.now()
    row.save(update_fields=["used_at"])
    return Connected(secret=made.secret, member_id=row.member_id)


def _verified(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
