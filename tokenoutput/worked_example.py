"""The receipt on the landing page: one request at a model's real price."""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.money import usd_to_nanos
from catalog.pricing import Pricing, Rates, Usage, charge_nanos
from catalog.selectors import CatalogRow

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


def worked_example(rows: Iterable[CatalogRow]) -> WorkedExample | None:
    """One request to the first model that costs something; None where there is none."""
    row = next((row for row in rows if not row.free), None)
    if row is None:
        return None
    pricing = Pricing(Rates(input=usd_to_nanos(row.input_usd), output=usd_to_nanos(row.output_usd)))
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
