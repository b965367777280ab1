"""Each day's usage by provider and model, to be held against the providers' bills; and what in it is odd."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any, Protocol

from django.db import connection
from django.db.models import Sum

from billing.alarm_models import ProviderDay
from billing.alarms import alarm_raise, alarms_clear
from catalog.money import nanos_to_usd
from catalog.selectors import model_names, route_providers

# More than one write-off in so many requests: the bound of that model is wrong.
WRITE_OFF_REQUESTS = 10_000
WRITE_OFF_DAYS = 7
# More than this part of a provider's answers without usage, and at least so many: its usage reports are broken.
MISSING_PERCENT, MISSING_MIN = 1, 10

_SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "cost_nanos", "charge_nanos", "write_off_nanos",
)  # fmt: skip
_DAY = f"""
    SELECT model_id, coalesce(route_id, 0), count(*) FILTER (WHERE corrects_id IS NULL),
           {", ".join(f"sum({name})::bigint" for name in _SUMS)},
           count(*) FILTER (WHERE write_off_nanos > 0),
           count(*) FILTER (WHERE source IN ('estimated', 'counted', 'checkpoint')),
           count(*) FILTER (WHERE source = 'none' AND outcome <> 'void')
      FROM usage_record WHERE day = %s GROUP BY 1, 2"""  # noqa: S608 -- names of columns, written above
_COUNTS = ("requests", *_SUMS, "write_offs", "estimated", "missing")


class Writable(Protocol):
    """A file, or a command's output."""

    def write(self, text: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class ProviderDayView:
    """One line of the report. Tokens in disjoint buckets but reasoning, which is part of output."""

    day: date
    provider: str
    model: str
    requests: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_nanos: int
    charge_nanos: int
    write_off_nanos: int
    write_offs: int
    estimated: int
    missing: int


def provider_days_make(*, day: date) -> int:
    """Add up the usage records of a day anew; how many lines that made. Again is fine."""
    with connection.cursor() as cursor:
        cursor.execute(_DAY, [day])
        found = cursor.fetchall()
    models = model_names(ids={row[0] for row in found})
    providers = route_providers(ids={row[1] for row in found})
    lines: dict[tuple[str, str], ProviderDay] = {}
    for model_id, route_id, *counts in found:
        # A request that reached no provider stands beside those that did, under an empty name.
        provider, model = providers.get(route_id, ""), models.get(model_id, f"model {model_id}")
        line = lines.setdefault((provider, model), ProviderDay(day=day, provider=provider, model=model))
        for name, count in zip(_COUNTS, counts, strict=True):
            setattr(line, name, (getattr(line, name) or 0) + count)
    ProviderDay.objects.bulk_create(
        lines.values(),
        update_conflicts=True,
        unique_fields=["day", "provider", "model"],
        update_fields=list(_COUNTS),
    )
    return len(lines)


def provider_days_list(*, first: date, last: date) -> list[ProviderDayView]:
    """The lines of these days, both included, dearest first within a day."""
    rows = ProviderDay.objects.filter(day__range=(first, last))
    return provider_days_of(rows.order_by("day", "-cost_nanos", "provider", "model"))


def provider_days_of(rows: Iterable[ProviderDay]) -> list[ProviderDayView]:
    """These rows as lines of the report."""
    names = [field.name for field in fields(ProviderDayView)]
    return [ProviderDayView(**{name: getattr(row, name) for name in names}) for row in rows]


def provider_days_csv(lines: Iterable[ProviderDayView], out: Writable) -> None:
    """The lines as CSV, amounts in dollars."""
    names = [field.name.replace("_nanos", "_usd") for field in fields(ProviderDayView)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for line in lines:
        writer.writerow([_cell(name, value) for name, value in asdict(line).items()])


def provider_days_alarm(*, day: date) -> None:
    """Alarm where write-offs are too many for a model, or usage is missing too often from a provider."""
    week = ProviderDay.objects.filter(day__range=(day - timedelta(days=WRITE_OFF_DAYS - 1), day))
    still = []
    for model, offs, requests in week.values_list("model").annotate(Sum("write_offs"), Sum("requests")):
        if offs * WRITE_OFF_REQUESTS > requests:
            still.append(("write_off", model))
            detail = f"{offs} of {requests} requests in {WRITE_OFF_DAYS} days cost more than their hold covered."
            alarm_raise(rule="write_off", subject=model, detail=detail)
    today = ProviderDay.objects.filter(day=day).exclude(provider="").values_list("provider")
    for provider, estimated, missing, requests in today.annotate(Sum("estimated"), Sum("missing"), Sum("requests")):
        if (odd := estimated + missing) >= MISSING_MIN and odd * 100 > requests * MISSING_PERCENT:
            still.append(("usage_missing", provider))
            detail = f"{odd} of {requests} answers on {day} came without usage: {estimated} were estimated."
            alarm_raise(rule="usage_missing", subject=provider, detail=detail)
    alarms_clear(rules=["write_off", "usage_missing"], still=still)


def _cell(name: str, value: Any) -> Any:
    if name.endswith("_nanos"):
        return nanos_to_usd(value)
    # A spreadsheet takes a text that begins so for a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
