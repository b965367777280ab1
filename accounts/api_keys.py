"""Every write of API keys: made, changed, rotated, switched off and on, revoked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts.audit import audit_record
from accounts.errors import (
    ApiKeyNotFound,
    ApiKeyRevoked,
    ApiKeyRotated,
    ApiKeySecretless,
    ApiKeysTooMany,
    OrganizationNotFound,
)
from accounts.expiry import expiry_check
from accounts.keys import key_make
from accounts.member_rules import member_check
from accounts.models import ApiKey, Organization
from accounts.names import name_clean
from accounts.networks import networks_clean
from accounts.roles import Action

API_KEYS_ACTIVE_MAX = 1000
ALLOWED_MODELS_MAX = 200
MODEL_ID_LENGTH_MAX = 200
REQUESTS_PER_MINUTE_MAX = 100_000
GRACE_SECONDS_MAX = 24 * 3600

# Sorted and locked first: two web processes that touch the same keys must not wait for each other in a ring.
_TOUCH = """
UPDATE accounts_apikey k SET last_used_at = used.last_used_at
FROM (SELECT k.id, u.last_used_at
      FROM unnest(%s::bigint[], %s::timestamptz[]) AS u (id, last_used_at)
      JOIN accounts_apikey k ON k.id = u.id
      ORDER BY k.id FOR NO KEY UPDATE OF k) AS used
WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at < used.last_used_at)
"""


class ApiKeyRules(TypedDict, total=False):
    """What a key may do: None is every model or the usual pace, no address is every address."""

    allowed_models: Collection[str] | None
    allowed_ips: Collection[str]
    requests_per_minute: int | None


class ApiKeyChanges(ApiKeyRules, total=False):
    """What of a key is to change; what is not named stays."""

    name: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made or rotated; the secret is nowhere else and is shown once."""

    id: int
    secret: str = field(repr=False)
    prefix: str
    last_four: str
    public_hash: str = ""


@transaction.atomic
def api_key_create(
    *,
    organization_id: int,
    name: str,
    member_id: int | None = None,
    expires_at: datetime | None = None,
    rules: ApiKeyRules | None = None,
    is_playground: bool = False,
) -> NewApiKey:
    """Make an API key; with `member_id` in that member's name, whose role and e-mail address must allow it."""
    changes = _cleaned({**(rules or {}), "name": name, "expires_at": expires_at})
    if not Organization.objects.filter(id=organization_id, is_active=True).exists():
        raise OrganizationNotFound("There is no such organisation.")
    user_id = _actor(organization_id, member_id)
    active = ApiKey.objects.filter(organization_id=organization_id, revoked_at=None)
    if active.count() >= API_KEYS_ACTIVE_MAX:
        raise ApiKeysTooMany(f"An organisation may have {API_KEYS_ACTIVE_MAX} API keys: revoke some first.")
    made = key_make()
    api_key = ApiKey.objects.create(
        organization_id=organization_id,
        member_id=member_id,
        key_hash=made.key_hash,
        prefix=made.prefix,
        last_four=made.last_four,
        is_playground=is_playground,
        **changes,
    )
    details = _said({name: value for name, value in changes.items() if name in ApiKeyRules.__annotations__ and value})
    _record(api_key, user_id, "created", details)
    return NewApiKey(api_key.id, made.secret, made.prefix, made.last_four, api_key.public_hash)


@transaction.atomic
def api_key_update(
    *, organization_id: int, api_key_id: int, changes: ApiKeyChanges, member_id: int | None = None
) -> None:
    """Change what is named; it holds from the next request on. Raises `ValidationError`, `ApiKeyRevoked`."""
    user_id = _actor(organization_id, member_id)
    api_key = _locked(organization_id, api_key_id)
    if "expires_at" in changes and changes["expires_at"] == api_key.expires_at:
        # A form that is sent again with an expiry that has passed meanwhile changes nothing of it.
        changes = changes.copy()
        del changes["expires_at"]
    cleaned = {name: value for name, value in _cleaned(changes).items() if getattr(api_key, name) != value}
    if not cleaned:
        return
    for name, value in cleaned.items():
        setattr(api_key, name, value)
    api_key.save(update_fields=list(cleaned))
    _record(api_key, user_id, "changed", _said(cleaned))


@transaction.atomic
def api_key_rotate(
    *,
    organization_id: int,
    api_key_id: int,
    grace_seconds: int = 0,
    member_id: int | None = None,
    last_four: str | None = None,
) -> NewApiKey:
    """A new secret for the same key: limits and history stay, the secret before it is good for `grace_seconds`.

    A secret that was in its grace already stops. With `last_four` only the secret that ends so is replaced: asked
    twice, it happens once. Raises `ValidationError`, `ApiKeyRevoked`, `ApiKeyRotated`, `ApiKeySecretless`.
    """
    if not 0 <= grace_seconds <= GRACE_SECONDS_MAX:
        raise ValidationError("The grace may be 24 hours at most.", code="grace")
    user_id = _actor(organization_id, member_id)
    api_key = _locked(organization_id, api_key_id)
    if api_key.is_playground:
        raise ApiKeySecretless("This is the playground's key: it has no secret to replace. Make a key of your own.")
    if last_four is not None and last_four != api_key.last_four:
        raise ApiKeyRotated("This key was rotated a moment ago: its new secret was in the answer then.")
    made = key_make()
    kept = bool(grace_seconds)
    api_key.previous_key_hash = api_key.key_hash if kept else None
    api_key.previous_valid_until = timezone.now() + timedelta(seconds=grace_seconds) if kept else None
    api_key.key_hash, api_key.prefix, api_key.last_four = made.key_hash, made.prefix, made.last_four
    names = ["previous_key_hash", "previous_valid_until", "key_hash", "prefix", "last_four"]
    api_key.save(update_fields=names)
    _record(api_key, user_id, "rotated", {"grace_seconds": str(grace_seconds)})
    return NewApiKey(api_key.id, made.secret, made.prefix, made.last_four, api_key.public_hash)


def api_key_disable(*, organization_id: int, api_key_id: int, member_id: int | None = None) -> None:
    """Switch a key off at once, until it is switched on again; twice is fine."""
    _switch(organization_id, api_key_id, member_id, "disabled")


def api_key_enable(*, organization_id: int, api_key_id: int, member_id: int | None = None) -> None:
    """Switch a disabled key on again; twice is fine."""
    _switch(organization_id, api_key_id, member_id, "enabled")


@transaction.atomic
def api_key_revoke(*, organization_id: int, api_key_id: int, member_id: int | None = None) -> None:
    """Stop a key at once and for good; twice is fine. With `member_id` that member's role must allow it."""
    user_id = _actor(organization_id, member_id)
    api_key = ApiKey.objects.select_for_update().filter(organization_id=organization_id, id=api_key_id).first()
    if api_key is None:
        raise ApiKeyNotFound("There is no such API key.")
    if api_key.revoked_at is None:
        api_key.revoked_at = timezone.now()
        api_key.save(update_fields=["revoked_at"])
        _record(api_key, user_id, "revoked")


def api_keys_touch(*, last_used: Mapping[int, datetime]) -> None:
    """Note when keys were last used; an older time never replaces a newer one, unknown ids are passed over."""
    if last_used:
        with connection.cursor() as cursor:
            cursor.execute(_TOUCH, [list(last_used), list(last_used.values())])


@transaction.atomic
def _switch(organization_id: int, api_key_id: int, member_id: int | None, to: Literal["enabled", "disabled"]) -> None:
    user_id = _actor(organization_id, member_id)
    api_key = _locked(organization_id, api_key_id)
    if (api_key.disabled_at is None) == (to == "enabled"):
        return
    api_key.disabled_at = timezone.now() if to == "disabled" else None
    api_key.save(update_fields=["disabled_at"])
    _record(api_key, user_id, to)


def _locked(organization_id: int, api_key_id: int) -> ApiKey:
    """The key, which nobody else changes meanwhile; one that is revoked stays as it is."""
    api_key = ApiKey.objects.select_for_update().filter(organization_id=organization_id, id=api_key_id).first()
    if api_key is None:
        raise ApiKeyNotFound("There is no such API key.")
    if api_key.revoked_at is not None:
        raise ApiKeyRevoked("This API key is revoked, and stays as it is: make another.")
    return api_key


def _cleaned(changes: ApiKeyChanges) -> dict[str, object]:
    """The columns to set, checked."""
    columns: dict[str, object] = {}
    if "name" in changes:
        columns["name"] = name_clean(changes["name"], what="API key")
    if "expires_at" in changes:
        expiry_check(changes["expires_at"])
        columns["expires_at"] = changes["expires_at"]
    if "allowed_models" in changes:
        columns["allowed_models"] = _models_cleaned(changes["allowed_models"])
    if "allowed_ips" in changes:
        columns["allowed_ips"] = networks_clean(changes["allowed_ips"])
    if "requests_per_minute" in changes:
        pace = changes["requests_per_minute"]
        if pace is not None and not 1 <= pace <= REQUESTS_PER_MINUTE_MAX:
            raise ValidationError(f"Choose 1 to {REQUESTS_PER_MINUTE_MAX:,} requests a minute.", code="pace")
        columns["requests_per_minute"] = pace
    return columns


def _models_cleaned(models: Collection[str] | None) -> list[str] | None:
    if models is None:
        return None
    names = sorted(set(models))
    if not names:
        raise ValidationError("Choose a model, or let the key use all of them.", code="models")
    if len(names) > ALLOWED_MODELS_MAX:
        raise ValidationError(f"Choose {ALLOWED_MODELS_MAX} models at most, or all of them.", code="models_too_many")
    if not all(name.isprintable() and 0 < len(name) <= MODEL_ID_LENGTH_MAX for name in names):
        raise ValidationError("That is no model ID.", code="model")
    return names


def _said(columns: Mapping[str, object]) -> dict[str, str]:
    """The columns in the words of an audit line."""
    words: dict[str, str] = {}
    for name, value in columns.items():
        words[name] = ", ".join(value) if isinstance(value, list) else str(value)
        if value is None or value == []:
            words[name] = "never" if name == "expires_at" else "all" if name.startswith("allowed") else "usual"
    return words


def _record(api_key: ApiKey, user_id: int | None, what: str, details: dict[str, str] | None = None) -> None:
    audit_record(
        organization_id=api_key.organization_id,
        user_id=user_id,
        action=f"api_key.{what}",
        target=api_key.name,
        details=details,
    )


def _actor(organization_id: int, member_id: int | None) -> int | None:
    """The user behind a member who may change API keys; nobody where the platform itself acts."""
    if member_id is None:
        return None
    return member_check(organization_id=organization_id, member_id=member_id, action=Action.API_KEYS_CHANGE)
