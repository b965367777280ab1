"""What happened to an organisation in the last minutes that an open page should say or show: keys, alerts, payments."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.template.loader import render_to_string
from django.urls import reverse

from accounts.audit import audit_list
from billing.payment_selectors import payments_paid_since
from billing.recent_alerts import RecentAlert, alerts_since
from catalog.templatetags.money import usd

# A page that was away for longer asks for its parts anew.
KEPT_FOR = timedelta(minutes=10)
KEY_LINES_MAX = 10

EventKind = Literal["key", "alert", "payment"]
KINDS: tuple[EventKind, ...] = ("key", "alert", "payment")


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One thing that happened, and when (seconds since 1970, as text). `data` is what the page needs to know of it."""

    kind: EventKind
    id: str
    at: str
    data: dict[str, str]


def live_events(*, organization_id: int, slug: str) -> tuple[LiveEvent, ...]:
    """Of the last minutes, by kind, the oldest first."""
    since = datetime.now(UTC) - KEPT_FOR
    alerts = alerts_since(organization_id=organization_id, since=since)[::-1]
    near = [_near(alert) for alert in alerts if alert.kind == "key_limit"]
    payments = [
        LiveEvent("payment", str(topup.id), _at(topup.created_at), {"amount": usd(topup.amount_nanos)})
        for topup in payments_paid_since(organization_id=organization_id, since=since)
    ]
    return (*_keys(organization_id, since), *near, *(_alert(alert, slug) for alert in alerts), *payments)


def events_data(events: tuple[LiveEvent, ...], kind: EventKind) -> list[dict[str, str]]:
    """Those of one kind, as JSON."""
    return [{"id": event.id, "at": event.at, **event.data} for event in events if event.kind == kind]


def _keys(organization_id: int, since: datetime) -> list[LiveEvent]:
    """What was done to API keys and their limits: the audit log has it, whoever did it."""
    lines = audit_list(organization_id=organization_id, limit=KEY_LINES_MAX)
    return [
        LiveEvent("key", f"audit-{line.id}", _at(line.created_at), {"name": line.target, "what": what})
        for line in reversed(lines)
        if line.created_at > since and (what := line.action.removeprefix("api_key.")) != line.action
    ]


def _near(alert: RecentAlert) -> LiveEvent:
    what = "limit_reached" if alert.is_bad else "limit_near"
    return LiveEvent("key", f"alert-{alert.id}", _at(alert.created_at), {"name": alert.subject, "what": what})


def _alert(alert: RecentAlert, slug: str) -> LiveEvent:
    url = reverse(alert.text.page, args=[slug])
    html = render_to_string("components/live_alert.html", {"alert": alert, "url": url}).strip()
    return LiveEvent("alert", str(alert.id), _at(alert.created_at), {"html": html})


def _at(when: datetime) -> str:
    return f"{when.timestamp():.3f}"
