"""API keys as the management API shows and takes them: OpenRouter's fields, and beside them what is ours."""

from typing import Any

from rest_framework import serializers

from accounts.api_key_selectors import ApiKeyView
from accounts.api_keys import ALLOWED_MODELS_MAX, GRACE_SECONDS_MAX, MODEL_ID_LENGTH_MAX, REQUESTS_PER_MINUTE_MAX
from accounts.names import NAME_LENGTH_MAX
from billing.key_spend import KeySpend
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS
from tokenoutput.api.figures import Strict, UsdField, UtcField, moment, number, usd
from tokenoutput.api.key_limits import RESETS, Standing, limit_shown
from tokenoutput.api.limits import Limit, limit_of
from tokenoutput.api.pages import Found

SCOPES = ("key", "member", "organization", "balance")
_BYOK = ("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly")


class Key(serializers.Serializer):
    """An API key, without its secret."""

    hash = serializers.CharField(help_text="Names the key here; it says nothing about the secret.")
    name = serializers.CharField()
    label = serializers.CharField(help_text="How the secret begins and ends.")
    disabled = serializers.BooleanField()
    status = serializers.CharField()
    limit = serializers.FloatField(allow_null=True, help_text="Dollars; of several limits the one that binds first.")
    limit_remaining = serializers.FloatField(allow_null=True)
    limit_reset = serializers.ChoiceField(choices=RESETS, allow_null=True)
    limit_usd = serializers.CharField(allow_null=True)
    limit_resets_at = serializers.DateTimeField(allow_null=True)
    limits = Limit(many=True)
    effective_remaining_usd = serializers.CharField(help_text="What its next request may cost.")
    binding_scope = serializers.ChoiceField(
        choices=SCOPES, help_text="What binds first: a limit of the key, its member, the organisation, or the balance."
    )
    usage = serializers.FloatField(help_text="Dollars, ever.")
    usage_daily = serializers.FloatField()
    usage_weekly = serializers.FloatField(help_text="Since Monday.")
    usage_monthly = serializers.FloatField()
    usage_usd = serializers.CharField()
    held_usd = serializers.CharField(help_text="Set aside for requests that run now, where the key has a limit.")
    byok_usage = serializers.FloatField(help_text="Always 0.")
    byok_usage_daily = serializers.FloatField(help_text="Always 0.")
    byok_usage_weekly = serializers.FloatField(help_text="Always 0.")
    byok_usage_monthly = serializers.FloatField(help_text="Always 0.")
    include_byok_in_limit = serializers.BooleanField(help_text="Always false.")
    allowed_models = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="Null: all.")
    allowed_ips = serializers.ListField(child=serializers.CharField(), help_text="Empty: from everywhere.")
    rate_limit_rpm = serializers.IntegerField(allow_null=True, help_text="Null: what is usual here.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    creator_user_id = serializers.CharField(allow_null=True)
    workspace_id = serializers.CharField(help_text="The organisation's id: each has one workspace.")


class KeyAnswer(serializers.Serializer):
    """One key."""

    data = Key()


class KeysAnswer(Found):
    """Keys, the newest first."""

    data = Key(many=True)


class KeyMade(KeyAnswer):
    """A key with its secret, which is nowhere else."""

    key = serializers.CharField(help_text="The secret: shown this once.")


class KeyAsked(Strict):
    """What a key may have; of OpenRouter's fields, those without a meaning here are taken and passed over."""

    limit = UsdField(
        least_nanos=LIMIT_MIN_NANOS, most_nanos=LIMIT_MAX_NANOS, required=False, allow_null=True,
        help_text="Dollars; null: no limit.",
    )  # fmt: skip
    limit_reset = serializers.ChoiceField(
        choices=RESETS, required=False, allow_null=True, help_text="When the limit begins anew (UTC); null: never."
    )
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=MODEL_ID_LENGTH_MAX),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=ALLOWED_MODELS_MAX,
    )
    allowed_ips = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=50,
        help_text="Addresses and CIDR networks.",
    )  # fmt: skip
    rate_limit_rpm = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=REQUESTS_PER_MINUTE_MAX
    )
    include_byok_in_limit = serializers.BooleanField(required=False)


class KeyNew(KeyAsked):
    """A new key."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX)
    expires_at = UtcField(required=False, allow_null=True)
    creator_user_id = serializers.CharField(required=False, allow_null=True, max_length=80)
    workspace_id = serializers.CharField(required=False, allow_null=True, max_length=80)


class KeyChanged(KeyAsked):
    """What to change; what is not named stays."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX, required=False)
    disabled = serializers.BooleanField(required=False)
    expires_at = UtcField(required=False, allow_null=True)


class RotationAsked(Strict):
    """How long the old secret stays good beside the new one."""

    grace_seconds = serializers.IntegerField(default=0, min_value=0, max_value=GRACE_SECONDS_MAX)


def key_of(key: ApiKeyView, *, workspace: str, standing: Standing, spend: KeySpend) -> dict[str, Any]:
    """A key with its limits and what it spent."""
    limits = standing.of_key(key.id)
    shown, headroom = limit_shown(limits), standing.headroom(api_key_id=key.id, member_id=key.member_id)
    return {
        "hash": key.public_hash,
        "name": key.name,
        "label": f"{key.prefix}...{key.last_four}",
        "disabled": key.state == "disabled",
        "status": key.state,
        "limit": number(shown.amount_nanos) if shown else None,
        "limit_remaining": number(shown.left_nanos) if shown else None,
        "limit_reset": shown.period if shown and shown.period != "total" else None,
        "limit_usd": usd(shown.amount_nanos) if shown else None,
        "limit_resets_at": moment(shown.resets_at) if shown else None,
        "limits": [limit_of(limit) for limit in limits],
        "effective_remaining_usd": usd(headroom.left_nanos),
        "binding_scope": headroom.scope,
        "usage": number(spend.ever_nanos),
        "usage_daily": number(spend.day_nanos),
        "usage_weekly": number(spend.week_nanos),
        "usage_monthly": number(spend.month_nanos),
        "usage_usd": usd(spend.ever_nanos),
        "held_usd": usd(max((limit.held_nanos for limit in limits), default=0)),
        **dict.fromkeys(_BYOK, 0),
        "include_byok_in_limit": False,
        "allowed_models": None if key.allowed_models is None else list(key.allowed_models),
        "allowed_ips": list(key.allowed_ips),
        "rate_limit_rpm": key.requests_per_minute,
        "created_at": moment(key.created_at),
        "updated_at": None,
        "expires_at": moment(key.expires_at),
        "last_used_at": moment(key.last_used_at),
        "creator_user_id": key.created_by,
        "workspace_id": workspace,
    }
