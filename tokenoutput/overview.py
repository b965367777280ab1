"""What the overview says beyond the balance: how long it lasts, what is about to stop, where the money went."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts.key_names import api_key_names_of, member_emails_of
from billing.limits import LimitView, limits_near
from billing.request_forms import UsageForm
from billing.selectors import spend_since
from billing.usage_report import GroupTotal, UsageReport, usage_report

NEAR_MAX = 5
TOP_MAX = 5
MEAN_DAYS = 7
# A balance that lasts longer is not worth a number.
RUNWAY_DAYS_MAX = 365


@dataclass(frozen=True, slots=True)
class NearLimit:
    """A limit that is nearly spent, and whose it is; no name: the organisation's budget."""

    limit: LimitView
    name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Thirty days by model and by key, and what is about to happen."""

    report: UsageReport
    models: list[GroupTotal]
    keys: list[GroupTotal]
    day_mean_nanos: int
    last_day_nanos: int

    def runway_hours(self, available_nanos: int) -> int | None:
        """How long `available_nanos` last at the last 24 hours' rate; None where that says nothing."""
        if self.last_day_nanos <= 0 or available_nanos <= 0:
            return None
        hours = available_nanos * 24 // self.last_day_nanos
        return hours if hours <= RUNWAY_DAYS_MAX * 24 else None


def overview_get(*, organization_id: int) -> Overview:
    """A fixed number of queries, however much was used."""
    window = UsageForm({}).window()
    report = usage_report(organization_id=organization_id, window=window, group_by="model", metric="spend")
    keys = usage_report(organization_id=organization_id, window=window, group_by="key", metric="spend")
    before_today = [bucket.value for bucket in report.buckets[-MEAN_DAYS - 1 : -1]]
    return Overview(
        report=report,
        models=report.groups[:TOP_MAX],
        keys=keys.groups[:TOP_MAX],
        day_mean_nanos=sum(before_today) // MEAN_DAYS,
        last_day_nanos=spend_since(organization_id=organization_id, since=datetime.now(UTC) - timedelta(hours=24)),
    )


def near_limits(*, organization_id: int) -> list[NearLimit]:
    """The limits that are nearly spent, of keys, of members and of the organisation."""
    limits = limits_near(organization_id=organization_id, limit=NEAR_MAX)
    keys = api_key_names_of(organization_id=organization_id, ids=[limit.api_key_id or 0 for limit in limits])
    members = member_emails_of(organization_id=organization_id, ids=[limit.member_id or 0 for limit in limits])
    return [
        NearLimit(limit, keys.get(limit.api_key_id or 0, "") or members.get(limit.member_id or 0, ""))
        for limit in limits
    ]
