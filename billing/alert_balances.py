"""When a balance is worth an alert: below the threshold, less than a day of spend, used up, or a request refused."""

from typing import NamedTuple

from django.db import connection

from billing.alert_models import LOW_BALANCE_NANOS
from billing.alerts import alert_pass_over, alert_raise, alert_settle
from billing.refusals import refusal_forget
from catalog.money import nanos_to_usd

LOW, SHORT, USED_UP, REFUSED = 1, 2, 3, 4
# Less than this buys nothing.
EMPTY_NANOS = 10_000_000

# The last 24 hours are the overview's figure: whole hours. A balance is well again 10 % above the threshold, and above
# a day of spend where that was short. It is watched from when it was well once, or was spent: a new organisation with
# nothing on its wallet is not low. A refusal says that the balance is used up, so only one of them is said; it is over
# when the balance is well and money came: one request that is too large for a good balance is not said again and again.
_REFUSED_SINCE = """
    UPDATE billing_refusal r SET balance_nanos = w.posted_nanos
      FROM wallet w WHERE w.organization_id = r.organization_id AND w.posted_nanos < r.balance_nanos"""
_BALANCES = """
    WITH looked AS (
      SELECT w.organization_id, w.posted_nanos AS posted, t.level, coalesce(s.level, 0) AS told, d.nanos AS day,
             CASE WHEN a.organization_id IS NULL THEN greatest(%(low)s, d.nanos)
                  ELSE a.low_balance_nanos END AS threshold,
             r.organization_id IS NOT NULL AS refused, r.required_nanos, r.available_nanos, r.balance_nanos
        FROM wallet w CROSS JOIN (SELECT date_trunc('hour', ledger_now() - interval '24 hours', 'UTC') AS since) n
       CROSS JOIN LATERAL (
             SELECT coalesce(sum(h.charge_nanos - h.write_off_nanos), 0)::bigint AS nanos FROM usage_hourly h
              WHERE h.wallet_id = w.id AND h.hour >= n.since) d
        LEFT JOIN billing_alertsettings a ON a.organization_id = w.organization_id
        LEFT JOIN billing_refusal r ON r.organization_id = w.organization_id
        LEFT JOIN billing_alertwatch t
               ON t.organization_id = w.organization_id AND t.kind = 'low_balance' AND t.subject = ''
        LEFT JOIN billing_alertwatch s
               ON s.organization_id = w.organization_id AND s.kind = 'low_balance' AND s.subject = 'refused'
    ), judged AS (
      SELECT *, CASE WHEN posted < %(empty)s AND (NOT refused OR level = 3) THEN 3
                     WHEN posted < day THEN 2
                     WHEN level >= 2 AND posted < day + day / 10 THEN level
                     WHEN posted < threshold THEN 1
                     WHEN posted >= threshold + threshold / 10 THEN 0 END AS now,
             refused AND (coalesce(level, 0) = 3
                          OR posted >= threshold + threshold / 10 AND posted > balance_nanos) AS over
        FROM looked
    )
    SELECT organization_id, now, level, posted, threshold, day, required_nanos, available_nanos, over,
           refused AND NOT over AND told = 0 AND (level IS NOT NULL OR posted > 0 OR day > 0) AS fresh
      FROM judged
     WHERE now IS DISTINCT FROM level AND now IS NOT NULL AND (level IS NOT NULL OR now = 0 OR now >= 2 AND day > 0)
        OR refused AND (over OR told = 0 AND (level IS NOT NULL OR posted > 0 OR day > 0))"""


class _Look(NamedTuple):
    """A wallet whose state changed. `now` None: neither well nor worse; `fresh`: a refusal that nobody was told of."""

    organization_id: int
    now: int | None
    level: int | None
    posted_nanos: int
    threshold_nanos: int
    day_nanos: int
    required_nanos: int | None
    available_nanos: int | None
    over: bool
    fresh: bool


def balances_evaluate() -> int:
    """Look at every wallet once; how many alerts that raised. Safe twice at once."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED_SINCE)
        cursor.execute(_BALANCES, {"low": LOW_BALANCE_NANOS, "empty": EMPTY_NANOS})
        looks = [_Look(*row) for row in cursor.fetchall()]
    return sum(_balance(look) + _refusal(look) for look in looks)


def _balance(look: _Look) -> bool:
    if look.now is None or look.now == look.level or (look.level is None and look.now == LOW):
        return False
    if look.now < (look.level or LOW):
        alert_settle(organization_id=look.organization_id, kind="low_balance", level=look.now)
        return False
    if look.fresh:
        alert_pass_over(organization_id=look.organization_id, kind="low_balance", level=look.now)
        return False
    facts = _facts(look)
    if look.now == SHORT and look.day_nanos:
        hours = look.posted_nanos * 24 // look.day_nanos
        facts |= {"day_usd": nanos_to_usd(look.day_nanos), "hours_left": str(hours)}
    return alert_raise(organization_id=look.organization_id, kind="low_balance", level=look.now, facts=facts)


def _refusal(look: _Look) -> bool:
    if look.over:
        refusal_forget(organization_id=look.organization_id)
        alert_settle(organization_id=look.organization_id, kind="low_balance", subject="refused", level=0)
    if not look.fresh:
        return False
    facts = _facts(look) | {
        "required_usd": nanos_to_usd(look.required_nanos or 0),
        "available_usd": nanos_to_usd(look.available_nanos or 0),
    }
    return alert_raise(
        organization_id=look.organization_id, kind="low_balance", subject="refused", level=REFUSED, facts=facts
    )


def _facts(look: _Look) -> dict[str, str]:
    return {"balance_usd": nanos_to_usd(look.posted_nanos), "threshold_usd": nanos_to_usd(look.threshold_nanos)}
