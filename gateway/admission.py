"""May it: who calls, how often, and whether the wallet covers the most that the request can cost."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from accounts.keys import MANAGEMENT_START, key_hash
from accounts.networks import networks_hold
from accounts.selectors import Caller, caller_get
from billing.selectors import wallet_id_get
from gateway.errors import GatewayError, Reason
from gateway.limits import Subject

CACHE_ENTRIES_MAX = 20_000
MODELS_NAMED_MAX = 10
_MANAGEMENT_START = MANAGEMENT_START.encode()
_MANAGES = (
    "This is a management key: it manages an organisation at /api/v1 and cannot be used for inference. "
    "Send an API key (`sk-…`). Nothing was charged."
)
_UNAVAILABLE = "The service cannot check this request right now. Nothing was charged; try again."


@dataclass(frozen=True, slots=True)
class Party:
    """The caller and the wallet that pays."""

    caller: Caller
    wallet_id: int


@dataclass(slots=True)
class _Entry:
    party: Party | None
    fresh_until: float


class Callers:
    """Authenticated keys in memory for a few seconds; a change notice empties it at once."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, cache_seconds: float) -> None:
        self._pool = pool
        self._cache_seconds = cache_seconds
        self._entries: dict[bytes, _Entry] = {}

    def forget(self) -> None:
        """Ask the database again about every key."""
        self._entries.clear()

    async def authenticate(
        self, headers: Mapping[bytes, bytes], client: tuple[str, int] | None, *, hashed: bytes | None = None
    ) -> Party:
        """The party of the key in `x-api-key` or `Authorization: Bearer`; one that cannot be ours is not looked up.

        `client` is where the request comes from: a key may be good from some networks only. `hashed`: the key, where
        this process itself asks and no header names one.
        """
        hashed = hashed or _hash_of(headers)
        entry = self._entries.get(hashed)
        if entry is None or entry.fresh_until < time.monotonic():
            entry = _Entry(await self._look_up(hashed), time.monotonic() + self._cache_seconds)
            if len(self._entries) >= CACHE_ENTRIES_MAX:
                self._entries.clear()
            self._entries[hashed] = entry
        party = entry.party
        if party is None or _expired(party.caller):
            raise _refused()
        if not networks_hold(party.caller.networks, client[0] if client else None):
            raise _not_from(party.caller, client)
        return party

    async def _look_up(self, hashed: bytes) -> Party | None:
        try:
            async with self._pool.connection() as connection:
                caller = await caller_get(connection, key_hash=hashed)
                if caller is None:
                    return None
                wallet_id = await wallet_id_get(connection, organization_id=caller.organization_id)
        except (OperationalError, PoolTimeout, TooManyRequests, TimeoutError) as error:
            raise GatewayError(Reason.UNAVAILABLE, _UNAVAILABLE, retry_after="2") from error
        return None if wallet_id is None else Party(caller, wallet_id)


def key_given(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request carries a key at all."""
    return b"x-api-key" in headers or b"authorization" in headers


def _hash_of(headers: Mapping[bytes, bytes]) -> bytes:
    """The hash of the first well-formed key: a client may send a foreign key in one header and ours in the other."""
    bearer = headers.get(b"authorization", b"")
    candidates = [headers.get(b"x-api-key", b""), bearer[7:] if bearer[:7].lower() == b"bearer " else b""]
    for candidate in candidates:
        if candidate.strip().startswith(_MANAGEMENT_START):
            raise GatewayError(Reason.KEY, _MANAGES)
        hashed = key_hash(candidate.decode("latin-1").strip())
        if hashed is not None:
            return hashed
    raise _refused(missing=not any(candidates))


def _expired(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at <= datetime.now(UTC)


def _refused(*, missing: bool = False) -> GatewayError:
    # Unknown, disabled, revoked and expired keys get the same words: an attacker learns nothing from them.
    said = (
        "No API key: send it as `Authorization: Bearer sk-…` or `x-api-key: sk-…`."
        if missing
        else "This API key is not valid: it is unknown, disabled, revoked or expired."
    )
    return GatewayError(Reason.KEY, said)


def model_check(caller: Caller, model_id: str) -> None:
    """403 where the key is for other models."""
    if caller.may_use(model_id):
        return
    known = sorted(caller.allowed_models or ())
    named = ", ".join(f"`{name}`" for name in known[:MODELS_NAMED_MAX]) + (
        " …" if len(known) > MODELS_NAMED_MAX else ""
    )
    said = f"This API key may not use the model `{model_id[:100]}`, but {named}."
    raise _forbidden(caller, said, "key_models", param="model")


def _not_from(caller: Caller, client: tuple[str, int] | None) -> GatewayError:
    said = f"This API key may not be used from {client[0] if client else 'this address'}."
    return _forbidden(caller, said, "key_addresses")


def _forbidden(caller: Caller, said: str, reason: str, *, param: str | None = None) -> GatewayError:
    page = settings.SITE_URL + caller.page
    metadata = {"reason": reason, "scope": "key", "manage_url": page}
    message = f"{said} Change what it may do at {page}. Nothing was charged."
    return GatewayError(Reason.FORBIDDEN, message, param, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests a minute and at once, for a key and for its organisation."""

    key_per_minute: int
    organization_per_minute: int
    key_at_once: int
    organization_at_once: int
    count_tokens_per_minute: int

    def per_minute(self, caller: Caller) -> dict[Subject, int]:
        """The request buckets of a caller."""
        own = caller.requests_per_minute or self.key_per_minute
        return {
            ("key", caller.api_key_id): min(own, self.key_per_minute),
            ("organization", caller.organization_id): self.organization_per_minute,
        }

    def at_once(self, caller: Caller) -> dict[Subject, int]:
        """The running-request counters of a caller."""
        return {
            ("key", caller.api_key_id): self.key_at_once,
            ("organization", caller.organization_id): self.organization_at_once,
        }

    def counts_per_minute(self, caller: Caller) -> dict[Subject, int]:
        """Counting tokens has a generous bucket of its own and leaves the others alone."""
        return {("count_tokens", caller.api_key_id): self.count_tokens_per_minute}
