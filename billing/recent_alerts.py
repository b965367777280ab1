"""Alerts of the last minutes, for pages that are open when something happens."""

from dataclasses import dataclass
from datetime import datetime

from billing.alert_models import Alert
from billing.alert_texts import AlertText, alert_text


@dataclass(frozen=True, slots=True)
class RecentAlert:
    """One alert in words. `subject` is the name of the API key, member or organisation it is about, if any."""

    id: int
    kind: str
    level: int
    created_at: datetime
    text: AlertText
    subject: str

    @property
    def is_bad(self) -> bool:
        """Whether something stops now, and is not only about to."""
        return self.level >= {"key_limit": 100, "low_balance": 3}.get(self.kind, 2)


def alerts_since(*, organization_id: int, since: datetime, limit: int = 5) -> list[RecentAlert]:
    """The newest first."""
    rows = Alert.objects.filter(organization_id=organization_id).order_by("-id")[:limit]
    return [
        RecentAlert(
            id=row.id,
            kind=row.kind,
            level=row.level,
            created_at=row.created_at,
            text=alert_text(kind=row.kind, level=row.level, facts=row.facts),
            subject=row.facts.get("name", ""),
        )
        for row in rows
        if row.created_at > since
    ]
