"""What requests cost at a model's real price: one on the landing page's receipt, a month's worth in the estimator."""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.money import usd_to_nanos
from catalog.pricing import Pricing, Rates, Usage, charge_nanos
from catalog.selectors import CatalogRow, LongContextRow

INPUT_TOKENS = 1_200
OUTPUT_TOKENS = 350


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A request and what it costs, line by line."""

    public_id: str
    input_tokens: int
    output_tokens: int
    input_usd: str
    output_usd: str
    input_nanos: int
    output_nanos: int
    total_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """So many requests like this one on so many days of a month; `cached_percent` of the input is read from a cache."""

    requests: int
    input_tokens: int
    output_tokens: int
    cached_percent: int
    days: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the work costs, exactly; `days_lasting` is None where it costs nothing."""

    request_nanos: int
    day_nanos: int
    month_nanos: int
    days_lasting: int | None


def worked_example(rows: Iterable[CatalogRow]) -> WorkedExample | None:
    """One request to the first model that costs something; None where there is none."""
    row = next((row for row in rows if not row.free and "embeddings" not in row.capabilities), None)
    if row is None:
        return None
    pricing = row_pricing(row)
    usage = Usage(input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS)
    return WorkedExample(
        public_id=row.public_id,
        input_tokens=INPUT_TOKENS,
        output_tokens=OUTPUT_TOKENS,
        input_usd=row.input_usd,
        output_usd=row.output_usd,
        input_nanos=charge_nanos(Usage(input_tokens=INPUT_TOKENS), pricing),
        output_nanos=charge_nanos(Usage(output_tokens=OUTPUT_TOKENS), pricing),
        total_nanos=charge_nanos(usage, pricing),
    )


def work_estimate(row: CatalogRow, work: Work, *, balance_nanos: int) -> Estimate:
    """Each request is rounded as it would be charged; a balance lasts whole days."""
    cached = work.input_tokens * work.cached_percent // 100
    usage = Usage(input_tokens=work.input_tokens - cached, cache_read_tokens=cached, output_tokens=work.output_tokens)
    request_nanos = charge_nanos(usage, row_pricing(row))
    day_nanos = request_nanos * work.requests
    return Estimate(
        request_nanos=request_nanos,
        day_nanos=day_nanos,
        month_nanos=day_nanos * work.days,
        days_lasting=balance_nanos // day_nanos if day_nanos else None,
    )


def row_pricing(row: CatalogRow) -> Pricing:
    """The price in force, as the charge is computed with it."""
    if row.long_context is None:
        return Pricing(_rates(row))
    return Pricing(_rates(row), row.long_context.above_tokens, _rates(row.long_context))


def _rates(row: CatalogRow | LongContextRow) -> Rates:
    return Rates(
        input=usd_to_nanos(row.input_usd),
        output=usd_to_nanos(row.output_usd),
        cache_read=usd_to_nanos(row.cache_read_usd),
        cache_write_5m=usd_to_nanos(row.cache_write_5m_usd),
        cache_write_1h=usd_to_nanos(row.cache_write_1h_usd),
    )
