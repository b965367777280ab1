"""What other apps may know of accounts: frozen dataclasses, never rows."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated party of a /v1 request, as the rest of the code sees it."""

    organization_id: int
    api_key_id: int
    member_id: int | None
    expires_at: datetime | None
