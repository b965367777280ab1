"""Usage as the usage page shows it: one chart, one table, the same numbers in both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.key_names import api_key_names_of, member_emails_of
from billing.charts import Chart, chart_stacked
from billing.request_forms import PROTOCOLS, Window
from billing.usage_series import OTHERS, Bucket, GroupBy, Largest, UsageCell, usage_series_largest
from catalog.selectors import model_names

# Lines of the table; whoever wants every one downloads the CSV.
GROUPS_MAX = 50
_METRICS: Mapping[str, Callable[[UsageCell], int]] = {
    "spend": lambda cell: cell.spend_nanos,
    "tokens": lambda cell: cell.tokens,
    "requests": lambda cell: cell.requests,
}


@dataclass(frozen=True, slots=True)
class GroupTotal:
    """One line of the table: a group over the whole time. `share` is its part of the chosen metric in per cent."""

    name: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    spend_nanos: int
    share: int

    @property
    def spend_each_nanos(self) -> int:
        """The average of a request."""
        return self.spend_nanos // self.requests if self.requests else 0


@dataclass(frozen=True, slots=True)
class BucketTotal:
    """One line of the chart's own table: a bucket and what the metric came to in it."""

    label: str
    value: int
    cells: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Everything the page says."""

    chart: Chart
    groups: list[GroupTotal]
    buckets: list[BucketTotal]
    total: GroupTotal


def usage_report(*, organization_id: int, window: Window, group_by: GroupBy, metric: str) -> UsageReport:
    """Two queries: the series, and the names of its groups."""
    cells = usage_series_largest(
        organization_id=organization_id,
        since=window.since,
        until=window.until,
        bucket=window.bucket,
        group_by=group_by,
        largest=Largest(GROUPS_MAX, metric),
    )
    names = group_names(organization_id=organization_id, group_by=group_by, cells=cells)
    value = _METRICS[metric]
    starts = window.starts()
    place = {start: number for number, start in enumerate(starts)}
    values: dict[str, list[int]] = {}
    by_name: dict[str, list[UsageCell]] = {}
    for cell in cells:
        name = names[cell.group]
        values.setdefault(name, [0] * len(starts))[place[cell.starts_at]] += value(cell)
        by_name.setdefault(name, []).append(cell)
    labels = [bucket_label(start, window.bucket) for start in starts]
    all_of_it = sum(value(cell) for cell in cells)
    others = others_name()
    groups = [_total(name, its_cells, all_of_it, value) for name, its_cells in by_name.items()]
    groups.sort(key=lambda group: (group.name == others, -group.share, -group.spend_nanos, group.name))
    chart = chart_stacked(buckets=labels, values=values, others=others)
    return UsageReport(
        chart=chart,
        groups=groups,
        buckets=[_bucket(label, at, chart) for at, label in enumerate(labels)],
        total=_total(_("All"), cells, all_of_it, value),
    )


def others_name() -> str:
    """What the groups are called that are too small to be told apart."""
    return _("Others")


def group_names(*, organization_id: int, group_by: GroupBy, cells: Sequence[UsageCell]) -> dict[str, str]:
    """What a person calls each group."""
    groups = {cell.group for cell in cells} - {OTHERS}
    others = {OTHERS: others_name()}
    if group_by == "protocol":
        known = {name: str(label) for name, label in PROTOCOLS}
        return others | {group: known.get(group, group) for group in groups}
    ids = [int(group) for group in groups]
    if group_by == "model":
        found = model_names(ids=ids)
    elif group_by == "key":
        found = api_key_names_of(organization_id=organization_id, ids=ids)
    else:
        found = member_emails_of(organization_id=organization_id, ids=ids)
    return others | {str(one): found.get(one) or _unnamed(one) for one in ids}


def bucket_label(start: datetime, bucket: Bucket) -> str:
    """The hour or the day."""
    return date_format(timezone.localtime(start), "j M H:i" if bucket == "hour" else "j M")


def _unnamed(one: int) -> str:
    return _("no member") if one == 0 else _("no. %(id)s, gone") % {"id": one}


def _bucket(label: str, at: int, chart: Chart) -> BucketTotal:
    """What the chart shows of it: the table is the same data."""
    cells = tuple((series.name, series.values[at]) for series in chart.series if series.values[at])
    return BucketTotal(label, sum(number for _name, number in cells), cells)


def _total(name: str, cells: Sequence[UsageCell], all_of_it: int, value: Callable[[UsageCell], int]) -> GroupTotal:
    part = sum(value(cell) for cell in cells)
    return GroupTotal(
        name=name,
        requests=sum(cell.requests for cell in cells),
        input_tokens=sum(cell.input_tokens for cell in cells),
        cached_tokens=sum(cell.cached_tokens for cell in cells),
        output_tokens=sum(cell.output_tokens for cell in cells),
        spend_nanos=sum(cell.spend_nanos for cell in cells),
        share=round(part * 100 / all_of_it) if all_of_it > 0 else 0,
    )
