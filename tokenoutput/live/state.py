"""What a live page shows of an organisation now: balance in words, latest requests as rows, and what happened."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.lines import UsageLine, usage_lines
from billing.selectors import spend_since, wallet_get
from catalog.templatetags.money import usd, usd_available, usd_exact
from tokenoutput.live.events import KINDS, LiveEvent, events_data, live_events

ROWS_MAX = 10


@dataclass(frozen=True, slots=True)
class LiveRow:
    """One request: the row of the table, and the sentence for who waits for the first one."""

    id: str
    html: str
    summary: str
    url: str


@dataclass(frozen=True, slots=True)
class LiveState:
    """Everything a page needs to be right, whatever it missed."""

    balance: dict[str, str]
    rows: tuple[LiveRow, ...]
    events: tuple[LiveEvent, ...] = ()


def live_state(*, organization_id: int, slug: str, zone: ZoneInfo) -> LiveState:
    """Balance, rows (newest first; times in `zone`) and what happened lately."""
    wallet = wallet_get(organization_id=organization_id)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = usage_lines(organization_id=organization_id, limit=ROWS_MAX)
    balance = {
        "available": usd_available(wallet.available_nanos),
        "available_exact": usd_exact(wallet.available_nanos),
        "available_note": available_note(wallet.available_nanos),
        "held": usd(wallet.held_nanos),
        "held_note": held_note(wallet.held_nanos),
        "today": usd(spend_since(organization_id=organization_id, since=midnight)),
        "level": "empty" if wallet.available_nanos <= 0 else "ok",
    }
    events = live_events(organization_id=organization_id, slug=slug)
    # Only rows: what is said of money keeps to UTC.
    with timezone.override(zone):
        rows = tuple(live_row(line, slug) for line in lines)
    return LiveState(balance=balance, rows=rows, events=events)


def live_row(line: UsageLine, slug: str) -> LiveRow:
    """A request as a page shows it."""
    url = request_url(slug, line)
    html = render_to_string("components/live_row.html", {"line": line, "url": url}).strip()
    return LiveRow(id=str(line.row.id), html=html, summary=summary(line), url=url)


def summary(line: UsageLine) -> str:
    """A request in one line: `acme/fast-1, 21 in / 34 out, $0.000031, 412 ms`."""
    row = line.row
    tokens_in = row.usage.input_tokens + row.usage.cache_read_tokens
    tokens = _("%(in)s in / %(out)s out") % {"in": f"{tokens_in:,}", "out": f"{row.usage.output_tokens:,}"}
    parts = [line.model or _("a model"), tokens, usd(row.charge_nanos - row.write_off_nanos)]
    return ", ".join([*parts, *([f"{row.duration_ms:,} ms"] if row.duration_ms is not None else [])])


def available_note(available_nanos: int) -> str:
    """What to add to the rounded balance."""
    if not available_nanos:
        return _("Add money to make requests")
    exact = usd_exact(available_nanos)
    return _("ready to spend") if usd_available(available_nanos) == exact else _("exactly %(exact)s") % {"exact": exact}


def held_note(held_nanos: int) -> str:
    """Why money is held."""
    return _("by running requests") if held_nanos else _("no request is running")


def request_url(slug: str, line: UsageLine) -> str:
    """The page of a request; a correction is shown with what it corrects."""
    return reverse("request", args=[slug, line.row.corrects_id or line.row.id])


def state_data(state: LiveState) -> dict[str, Any]:
    """As JSON, for a page that asks instead of being told."""
    events: dict[str, Any] = {kind: events_data(state.events, kind) for kind in KINDS}
    return {"v": 1, "balance": state.balance, "requests": rows_data(state.rows), **events}


def rows_data(rows: tuple[LiveRow, ...]) -> list[dict[str, str]]:
    """Rows as JSON, oldest first: a page puts each on top of the last."""
    return [{"id": row.id, "html": row.html, "summary": row.summary, "url": row.url} for row in reversed(rows)]
