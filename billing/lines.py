"""Usage records as a person reads them: with the names of model and API key."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.key_names import api_key_names_of
from billing.selectors import UsageRow, usage_list
from catalog.selectors import model_names


@dataclass(frozen=True, slots=True)
class UsageLine:
    """A usage record and its names; empty where what it named is gone."""

    row: UsageRow
    model: str
    api_key: str


def usage_lines(*, organization_id: int, before: UUID | None = None, limit: int = 50) -> list[UsageLine]:
    """Usage records, newest first; `before` is the id of the last one already seen."""
    rows = usage_list(organization_id=organization_id, before=before, limit=limit)
    return lines_named(organization_id=organization_id, rows=rows)


def lines_named(*, organization_id: int, rows: Sequence[UsageRow]) -> list[UsageLine]:
    """Rows with the names of what they name: two queries, however many."""
    if not rows:
        return []
    models = model_names(ids={row.model_id for row in rows})
    api_keys = api_key_names_of(organization_id=organization_id, ids={row.api_key_id for row in rows})
    return [UsageLine(row, models.get(row.model_id, ""), api_keys.get(row.api_key_id, "")) for row in rows]
