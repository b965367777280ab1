"""API keys to look at: a page of many, one by its public name; and who calls, for the gateway."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from accounts.models import ApiKey
from accounts.networks import Network, networks_parse

API_KEYS_LISTED_MAX = 1000
PAGE_ROWS = 50
KeyState = Literal["active", "disabled", "expired", "revoked"]
STATES: Final[tuple[KeyState, ...]] = ("active", "disabled", "expired", "revoked")

# One query says it all: the key by its hash or the one before, its organisation, and the member it belongs to, if any.
_CALLER = """
SELECT k.organization_id, k.id, k.member_id,
       CASE WHEN k.key_hash = %(hash)s THEN k.expires_at ELSE least(k.expires_at, k.previous_valid_until) END,
       k.allowed_models, k.allowed_ips, k.requests_per_minute, o.slug, k.public_hash
FROM accounts_apikey k
JOIN accounts_organization o ON o.id = k.organization_id AND o.is_active
LEFT JOIN accounts_membership m ON m.id = k.member_id
LEFT JOIN accounts_user u ON u.id = m.user_id
WHERE (k.key_hash = %(hash)s OR (k.previous_key_hash = %(hash)s AND k.previous_valid_until > statement_timestamp()))
  AND k.revoked_at IS NULL AND k.disabled_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
  AND u.is_active IS NOT FALSE
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated party of a /v1 request, as the rest of the code sees it. `page`: where its key is changed."""

    organization_id: int
    api_key_id: int
    member_id: int | None
    expires_at: datetime | None
    allowed_models: frozenset[str] | None = None
    networks: tuple[Network, ...] = ()
    requests_per_minute: int | None = None
    page: str = ""

    @property
    def home(self) -> str:
        """Where the pages of its organisation begin."""
        return self.page.rpartition("/keys/")[0]

    def may_use(self, model: str) -> bool:
        """Whether the key may use the model with this public ID."""
        return self.allowed_models is None or model in self.allowed_models


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """An API key without its secret."""

    id: int
    name: str
    prefix: str
    last_four: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    state: KeyState
    public_hash: str
    member_id: int | None
    disabled_at: datetime | None
    allowed_models: tuple[str, ...] | None
    allowed_ips: tuple[str, ...]
    requests_per_minute: int | None
    previous_valid_until: datetime | None
    is_playground: bool = False


@dataclass(frozen=True, slots=True)
class ApiKeyFilter:
    """Which keys: `q` in name, first or last characters; in a state; among `ids`. What is empty asks nothing."""

    q: str = ""
    state: KeyState | Literal[""] = ""
    ids: Sequence[int] | None = None


async def caller_get(database: AsyncConnection[Any], *, key_hash: bytes) -> Caller | None:
    """Who holds the key with this hash; `None` if it is unknown, off, revoked, expired or its holder deactivated."""
    async with database.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_CALLER, {"hash": key_hash})
        row = await cursor.fetchone()
    return _caller(row) if row else None


def caller_get_now(*, key_hash: bytes) -> Caller | None:
    """The same for code without an event loop."""
    with connection.cursor() as cursor:
        cursor.execute(_CALLER, {"hash": key_hash})
        row = cursor.fetchone()
    if row is None:
        return None
    # Django leaves JSON as text, so that its fields may choose a decoder.
    return _caller((*row[:4], *(text and json.loads(text) for text in row[4:6]), *row[6:]))


def _caller(row: tuple[Any, ...]) -> Caller:
    organization_id, api_key_id, member_id, expires_at, models, networks, pace, slug, public_hash = row
    return Caller(
        organization_id,
        api_key_id,
        member_id,
        expires_at,
        allowed_models=None if models is None else frozenset(models),
        networks=networks_parse(networks),
        requests_per_minute=pace,
        page=f"/app/{slug}/keys/{public_hash}",
    )


def api_keys_page(
    *,
    organization_id: int,
    only: ApiKeyFilter | None = None,
    after: int | None = None,
    offset: int = 0,
    limit: int = PAGE_ROWS,
) -> list[ApiKeyView]:
    """Keys, the newest first: those older than the key `after`, or from `offset` on."""
    keys = _matching(organization_id, only or ApiKeyFilter())
    if after is not None:
        keys = keys.filter(id__lt=after)
    keys = keys.select_related("member__user").order_by("-id")[offset : offset + limit]
    now = timezone.now()
    return [_view(api_key, now) for api_key in keys]


def api_keys_count(*, organization_id: int, only: ApiKeyFilter | None = None) -> int:
    """How many keys `api_keys_page` would give in all."""
    return _matching(organization_id, only or ApiKeyFilter()).count()


def api_key_get(*, organization_id: int, public_hash: str) -> ApiKeyView | None:
    """The organisation's key of this public name, if it has it."""
    if "\x00" in public_hash:
        return None
    keys = ApiKey.objects.filter(organization_id=organization_id, public_hash=public_hash)
    api_key = keys.select_related("member__user").first()
    return None if api_key is None else _view(api_key, timezone.now())


def api_key_by_id(*, organization_id: int, api_key_id: int) -> ApiKeyView | None:
    """The organisation's key with this id, if it has it."""
    keys = ApiKey.objects.filter(organization_id=organization_id, id=api_key_id).select_related("member__user")
    return next((_view(api_key, timezone.now()) for api_key in keys), None)


def api_keys_list(*, organization_id: int) -> list[ApiKeyView]:
    """The organisation's API keys, newest first, at most `API_KEYS_LISTED_MAX`."""
    return api_keys_page(organization_id=organization_id, limit=API_KEYS_LISTED_MAX)


def api_key_names(*, organization_id: int, ids: Sequence[int] | None = None) -> dict[int, str]:
    """Names by id, for lists that know only the id; of these ids, else of the newest keys."""
    keys = ApiKey.objects.filter(organization_id=organization_id).order_by("-id")
    if ids is not None:
        return dict(keys.filter(id__in=ids).values_list("id", "name"))
    return dict(keys.values_list("id", "name")[:API_KEYS_LISTED_MAX])


def api_key_members(*, organization_id: int) -> dict[int, int | None]:
    """Whose each API key is, by id: a member's, or nobody's."""
    return dict(ApiKey.objects.filter(organization_id=organization_id).values_list("id", "member_id"))


def _matching(organization_id: int, only: ApiKeyFilter) -> QuerySet[ApiKey]:
    keys = ApiKey.objects.filter(organization_id=organization_id)
    if q := only.q.replace("\x00", "").strip():
        keys = keys.filter(Q(name__icontains=q) | Q(prefix=q) | Q(last_four=q) | Q(public_hash=q))
    if only.ids is not None:
        keys = keys.filter(id__in=only.ids)
    expired = Q(expires_at__lte=timezone.now())
    match only.state:
        case "active":
            keys = keys.filter(~expired | Q(expires_at=None), revoked_at=None, disabled_at=None)
        case "disabled":
            keys = keys.filter(~expired | Q(expires_at=None), revoked_at=None, disabled_at__isnull=False)
        case "expired":
            keys = keys.filter(expired, revoked_at=None)
        case "revoked":
            keys = keys.filter(revoked_at__isnull=False)
    return keys


def _state(api_key: ApiKey, now: datetime) -> KeyState:
    if api_key.revoked_at is not None:
        return "revoked"
    if api_key.expires_at is not None and api_key.expires_at <= now:
        return "expired"
    return "active" if api_key.disabled_at is None else "disabled"


def _view(api_key: ApiKey, now: datetime) -> ApiKeyView:
    until = api_key.previous_valid_until
    return ApiKeyView(
        id=api_key.id,
        name=api_key.name,
        prefix=api_key.prefix,
        last_four=api_key.last_four,
        created_at=api_key.created_at,
        created_by=api_key.member.user.email if api_key.member else None,
        expires_at=api_key.expires_at,
        revoked_at=api_key.revoked_at,
        last_used_at=api_key.last_used_at,
        state=_state(api_key, now),
        public_hash=api_key.public_hash,
        member_id=api_key.member_id,
        disabled_at=api_key.disabled_at,
        allowed_models=None if api_key.allowed_models is None else tuple(api_key.allowed_models),
        allowed_ips=tuple(api_key.allowed_ips),
        requests_per_minute=api_key.requests_per_minute,
        previous_valid_until=until if until is not None and until > now else None,
        is_playground=api_key.is_playground,
    )
