"""The audit log: who did what in an organisation. The acting service adds a row in its transaction; none changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from accounts.changes import organization_changed
from accounts.models import AuditEntry, User

TEXT_LENGTH_MAX = 254
PAGE_ROWS = 50
_via: ContextVar[str] = ContextVar("via", default="")


@dataclass(frozen=True, slots=True)
class AuditView:
    """One line of the log; `actor` is empty where the platform itself acted."""

    id: int
    created_at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to show of the log; an empty field shows all."""

    action: str = ""
    actor: str = ""
    target: str = ""


@contextmanager
def acting_via(what: str) -> Iterator[None]:
    """While inside, every line says by what means its person acted: `details["via"]`."""
    token = _via.set(what)
    try:
        yield
    finally:
        _via.reset(token)


def audit_record(
    *,
    organization_id: int,
    user_id: int | None,
    action: str,
    target: str = "",
    details: dict[str, str] | None = None,
) -> None:
    """Add a line. Call it inside the transaction of the act: both happen or neither. Never put a secret into it."""
    details = (details or {}) | ({"via": via} if (via := _via.get()) else {})
    email = User.objects.filter(id=user_id).values_list("email", flat=True).first() if user_id else ""
    AuditEntry.objects.create(
        organization_id=organization_id,
        user_id=user_id,
        actor=email or "",
        action=action,
        target=target[:TEXT_LENGTH_MAX],
        details={name: value[:TEXT_LENGTH_MAX] for name, value in details.items()},
    )
    if action.startswith("api_key."):
        organization_changed(organization_id=organization_id)


def audit_list(
    *, organization_id: int, only: AuditFilter | None = None, before: int | None = None, limit: int = PAGE_ROWS
) -> list[AuditView]:
    """The newest lines first, those older than the line `before` where it is given."""
    only = only or AuditFilter()
    entries = AuditEntry.objects.filter(organization_id=organization_id)
    if before is not None:
        entries = entries.filter(id__lt=before)
    if only.action:
        entries = entries.filter(action=only.action)
    if only.actor:
        entries = entries.filter(actor=only.actor)
    if only.target:
        entries = entries.filter(target__icontains=only.target)
    return [
        AuditView(entry.id, entry.created_at, entry.actor, entry.action, entry.target, entry.details)
        for entry in entries.order_by("-id")[:limit]
    ]
