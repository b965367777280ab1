"""Who was refused for lack of balance: one row an organisation, from the first refusal until the balance is well."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.batches import Pool
from billing.models import Refusal

_NOTE = """
    INSERT INTO billing_refusal (organization_id, refused_at, required_nanos, available_nanos, balance_nanos)
    SELECT r.organization_id, ledger_now(), r.required, r.available, w.posted_nanos
      FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS r (organization_id, required, available)
      JOIN wallet w ON w.organization_id = r.organization_id
        ON CONFLICT (organization_id) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Short:
    """What a request might have cost, and what was there for it."""

    required_nanos: int
    available_nanos: int


async def refusals_note(pool: Pool, refused: Mapping[int, Short]) -> None:
    """Keep these, by organisation; whoever was refused before and is not well again keeps the first."""
    columns = (
        list(refused),
        [short.required_nanos for short in refused.values()],
        [short.available_nanos for short in refused.values()],
    )
    async with pool.connection() as connection:
        await connection.execute(_NOTE, columns)


def refusal_forget(*, organization_id: int) -> None:
    """The balance is well, or it was said by other words: the next refusal is a first one again."""
    Refusal.objects.filter(organization_id=organization_id).delete()
