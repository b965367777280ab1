"""An organisation's requests: a page of them by filter, and one in full, with its price line by line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Func, QuerySet, UUIDField, Value

from billing.attempts import CLIENT_GONE, attempts_decode
from billing.models import UsageRecord, Wallet
from billing.request_attempts import AttemptRow, attempts_shown
from billing.selectors import UsageRow, usage_row
from catalog.lookups import PriceVersion, price_version_get
from catalog.price_lines import PricedUsage, usage_priced

_MS_BITS_BELOW = 80


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What to show; an empty field shows all. Times are those of the request's beginning, `until` not included."""

    model_id: int | None = None
    api_key_ids: Sequence[int] | None = None
    member_id: int | None = None
    outcome: str = ""
    protocol: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request: its record, the price it went by, and what the wallet paid for it, corrections included."""

    row: UsageRow
    corrections: list[UsageRow]
    price: PriceVersion | None
    priced: PricedUsage | None
    attempts: tuple[AttemptRow, ...]

    @property
    def failed_attempts(self) -> int:
        """How many candidates gave nothing."""
        return sum(not attempt.answered for attempt in self.attempts)

    @property
    def paid_nanos(self) -> int:
        """All its records together, less what we bear."""
        return sum(row.charge_nanos - row.write_off_nanos for row in (self.row, *self.corrections))

    @property
    def write_off_nanos(self) -> int:
        """What we bear of it."""
        return sum(row.write_off_nanos for row in (self.row, *self.corrections))

    @property
    def client_left_first(self) -> bool:
        """Whether the client hung up before anything had come."""
        return bool(self.attempts) and self.attempts[-1].reason == CLIENT_GONE

    @property
    def is_explained(self) -> bool:
        """Whether the lines add up to the charge: not where only part of the usage is known."""
        charged = sum(row.charge_nanos for row in (self.row, *self.corrections))
        return self.priced is not None and self.priced.charge_nanos == charged


def requests_page(
    *, organization_id: int, only: RequestFilter | None = None, before: UUID | None = None, limit: int = 50
) -> list[UsageRow]:
    """The newest requests that match, or the next older than `before`."""
    only = only or RequestFilter()
    records = _records(organization_id).order_by("-id")
    records = _within(records, since=only.since, until=only.until, before=before)
    exact: dict[str, int | str | None] = {"model_id": only.model_id, "member_id": only.member_id}
    exact |= {"outcome": only.outcome or None, "client_protocol": only.protocol or None}
    records = records.filter(**{name: value for name, value in exact.items() if value is not None})
    if only.api_key_ids is not None:
        records = records.filter(api_key_id__in=only.api_key_ids)
    with transaction.atomic(), connection.cursor() as cursor:
        # A filter that few rows pass tempts the planner to read whole partitions: the index alone is a tenth of them.
        cursor.execute("SET LOCAL enable_seqscan = off")
        return [usage_row(record) for record in records[:limit]]


def request_get(*, organization_id: int, request_id: UUID) -> RequestDetail | None:
    """One request of the organisation by its id; None for one that is unknown, or somebody else's."""
    day = UsageRecord.day_of(request_id)
    if day is None:
        return None
    records = _records(organization_id).filter(day=day)
    record = records.filter(id=request_id, corrects_id=None).first()
    if record is None:
        return None
    correction_id = Func(Value(request_id, UUIDField()), function="usage_correction_id", output_field=UUIDField())
    late_records = list(records.filter(id=correction_id))
    corrections = [usage_row(late) for late in late_records]
    row = usage_row(record)
    price = price_version_get(price_version_id=row.price_version_id)
    usage = row.usage
    for late in corrections:  # A correction holds the differences.
        parts = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
        names = [f"{part}_tokens" for part in parts]
        usage = replace(usage, **{name: getattr(usage, name) + getattr(late.usage, name) for name in names})
    priced = usage_priced(usage, price.pricing) if price else None
    return RequestDetail(row, corrections, price, priced, _attempts(record, late_records))


def _attempts(record: UsageRecord, late: Sequence[UsageRecord]) -> tuple[AttemptRow, ...]:
    """From the last that was said: an interrupted request's correction knows them, its checkpoint may not."""
    last = late[-1] if late else record
    return attempts_shown(
        attempts_decode(last.attempts),
        route_id=last.route_id if last.outcome != "void" else None,
        protocol=last.upstream_protocol,
        duration_ms=last.duration_ms,
    )


def request_id_floor(moment: datetime) -> UUID:
    """The least id that a request begun at `moment` can have: ids begin with their time in milliseconds (UUIDv7)."""
    return UUID(int=max(int(moment.timestamp() * 1000), 0) << _MS_BITS_BELOW)


def _records(organization_id: int) -> "QuerySet[UsageRecord]":
    # The id first: with it the planner reads each partition by (wallet, id), newest first.
    wallet = Wallet.objects.filter(organization_id=organization_id, currency="USD").values_list("id", flat=True).first()
    return UsageRecord.objects.filter(wallet_id=wallet or 0)


def _within(
    records: "QuerySet[UsageRecord]", *, since: datetime | None, until: datetime | None, before: UUID | None
) -> "QuerySet[UsageRecord]":
    """By day too, so that other days' partitions are not even opened."""
    if since is not None:
        records = records.filter(day__gte=since.date(), id__gte=request_id_floor(since))
    if until is not None:
        records = records.filter(day__lte=until.date(), id__lt=request_id_floor(until))
    if before is not None:
        records = records.filter(id__lt=before)
        if day := UsageRecord.day_of(before):
            records = records.filter(day__lte=day)
    return records
