"""When an alert is due: a balance, a limit nearly spent, unusual spend. Looked at each minute, for every wallet."""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from accounts.selectors import api_key_names, members_list
from billing.alert_balances import EMPTY_NANOS, balances_evaluate
from billing.alerts import alert_raise, alert_settle
from catalog.money import nanos_to_usd

NEAR_PERCENT, RECOVERED_PERCENT = 80, 75
USUAL_HOURS = 7 * 24

# Each query returns only what changed: 0 is well, a higher level is worse.
# Percent of the window's limit that is spent; a window that is over has seen nothing. It is reached when less than a
# cent is left, or a hundredth of a very small limit: to the last nano-dollar no limit is ever spent.
_LIMITS = """
    WITH looked AS (
      SELECT w.organization_id, s.id, s.api_key_id, s.member_id, s.period, s.amount_nanos,
             coalesce(t.level, 0) AS level,
             CASE WHEN s.window_start < limit_window(s.period, n.now) THEN 0 ELSE s.spent_nanos END AS spent,
             limit_resets(s.period, n.now) AS resets_at
        FROM spending_limit s CROSS JOIN (SELECT ledger_now() AS now) n
        JOIN wallet w ON w.id = s.wallet_id
        LEFT JOIN billing_alertwatch t ON t.organization_id = w.organization_id AND t.kind = 'key_limit'
                                      AND t.subject = 'limit:' || s.id
    ), judged AS (
      SELECT *, CASE WHEN amount_nanos - spent <= least(%(empty)s, amount_nanos / 100) THEN 100
                     WHEN spent >= amount_nanos / 100.0 * %(near)s THEN 80
                     WHEN spent < amount_nanos / 100.0 * %(recovered)s THEN 0 END AS now
        FROM looked
    )
    SELECT organization_id, now, level, id, api_key_id, member_id, period, amount_nanos, spent, resets_at FROM judged
     WHERE now <> level"""

# This hour against the average hour of the last week. Well again after a whole hour that was not unusual. The average
# is asked only of wallets that spent enough for it to matter, or that are being watched.
_HOURS = """
    WITH looked AS (
      SELECT w.id, w.organization_id, coalesce(t.level, 0) AS level, coalesce(a.unusual_factor, 5) AS factor,
             coalesce(a.unusual_floor_nanos, 5000000000) AS floor, date_trunc('hour', ledger_now(), 'UTC') AS hour,
             (SELECT coalesce(sum(h.charge_nanos - h.write_off_nanos), 0) FROM usage_hourly h
               WHERE h.wallet_id = w.id AND h.hour >= date_trunc('hour', ledger_now(), 'UTC')) AS spent
        FROM wallet w
        LEFT JOIN billing_alertsettings a ON a.organization_id = w.organization_id
        LEFT JOIN billing_alertwatch t
               ON t.organization_id = w.organization_id AND t.kind = 'unusual_spend' AND t.subject = ''
    ), compared AS (
      SELECT l.*, (b.nanos / %(hours)s)::bigint AS usual, b.last_hour
        FROM looked l CROSS JOIN LATERAL (
          SELECT coalesce(sum(h.charge_nanos - h.write_off_nanos), 0) AS nanos,
                 coalesce(sum(h.charge_nanos - h.write_off_nanos)
                   FILTER (WHERE h.hour = l.hour - interval '1 hour'), 0) AS last_hour
            FROM usage_hourly h
           WHERE h.wallet_id = l.id AND h.hour < l.hour AND h.hour >= l.hour - make_interval(hours => %(hours)s)) b
       WHERE l.spent >= l.floor OR l.level > 0
    ), judged AS (
      SELECT *, CASE WHEN spent >= floor AND spent > usual * factor THEN 1
                     WHEN last_hour < floor OR last_hour <= usual * factor THEN 0 END AS now FROM compared
    )
    SELECT organization_id, now, level, spent::bigint, usual, factor FROM judged WHERE now <> level"""


def alerts_evaluate() -> int:
    """Look at every wallet and limit once; how many alerts that raised. Safe twice at once."""
    return balances_evaluate() + _limits() + _hours()


def _limits() -> int:
    raised = 0
    percents = {"near": NEAR_PERCENT, "recovered": RECOVERED_PERCENT, "empty": EMPTY_NANOS}
    for organization_id, now, level, limit_id, key_id, member_id, *figures in _rows(_LIMITS, **percents):
        subject = f"limit:{limit_id}"
        if now < level:
            alert_settle(organization_id=organization_id, kind="key_limit", subject=subject, level=now)
            continue
        period, amount, spent, resets_at = figures
        facts = {
            **_subject(organization_id, key_id, member_id),
            "period": period,
            "limit_usd": nanos_to_usd(amount),
            "spent_usd": nanos_to_usd(int(spent)),
            "left_usd": nanos_to_usd(max(amount - int(spent), 0)),
            "percent": str(int(spent * 100 // amount)),
            "resets_at": resets_at.isoformat() if resets_at else "never",
        }
        raised += alert_raise(
            organization_id=organization_id, kind="key_limit", subject=subject, level=now, facts=facts
        )
    return raised


def _hours() -> int:
    raised = 0
    for organization_id, now, level, spent, usual, factor in _rows(_HOURS, hours=USUAL_HOURS):
        if now < level:
            alert_settle(organization_id=organization_id, kind="unusual_spend", level=now)
            continue
        facts = {"hour_usd": nanos_to_usd(spent), "usual_usd": nanos_to_usd(usual), "factor": str(factor)}
        raised += alert_raise(organization_id=organization_id, kind="unusual_spend", level=now, facts=facts)
    return raised


def _subject(organization_id: int, key_id: int | None, member_id: int | None) -> dict[str, str]:
    if key_id is None and member_id is None:
        return {"of": "organisation", "name": ""}
    if key_id is not None:
        return {"of": "API key", "name": api_key_names(organization_id=organization_id).get(key_id, str(key_id))}
    emails = {member.id: member.email for member in members_list(organization_id=organization_id)}
    return {"of": "member", "name": emails.get(member_id or 0, str(member_id))}


def _rows(query: str, **arguments: int) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    yield from rows
