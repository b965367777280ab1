"""GET /generation: one request with what was tried, its price line by line, and which price that was."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_key_selectors import Caller
from billing.request_attempts import ANSWERED, AttemptRow
from billing.requests import RequestDetail, request_get
from billing.selectors import UsageRow
from tokenoutput.api.authentication import AnyKeys
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import moment, number, usd
from tokenoutput.api.generations import Generation, generations_named
from tokenoutput.api.keyed import KeyedView
from tokenoutput.api.pages import query_checked
from tokenoutput.api.permissions import NeedsMetOrApiKey
from tokenoutput.api.schema import operation, query

_SOURCES = ("upstream", "counted", "estimated", "checkpoint", "none")


class Attempt(serializers.Serializer):
    """One provider that was asked. Those that fail before their first content cost nothing."""

    provider = serializers.CharField(help_text="Its public name, or `Provider 1` in the order they were tried.")
    protocol = serializers.CharField(help_text="What was spoken to it.")
    started_at = serializers.DateTimeField()
    started_ms = serializers.IntegerField(help_text="Milliseconds after the request came in.")
    duration_ms = serializers.IntegerField()
    ttft_ms = serializers.IntegerField(allow_null=True, help_text="To its first content; null: none came.")
    status = serializers.IntegerField(help_text="What you would have got, had it been the last.")
    reason = serializers.CharField(help_text=f"`{ANSWERED}`, or why it gave nothing.")
    charged = serializers.BooleanField()


class PriceLine(serializers.Serializer):
    """Tokens of one kind and what they cost, exactly."""

    kind = serializers.CharField()
    tokens = serializers.IntegerField()
    usd_per_million = serializers.CharField()
    amount_usd = serializers.CharField()


class PriceVersion(serializers.Serializer):
    """The price that held in the moment the request came in."""

    id = serializers.IntegerField()
    effective_from = serializers.DateTimeField()


class Correction(serializers.Serializer):
    """What became known of the usage later. It is part of the total."""

    created_at = serializers.DateTimeField()
    amount_usd = serializers.CharField()


class GenerationDetail(Generation):
    """One request: what was tried, and the lines of its price."""

    provider_name = serializers.CharField(allow_null=True, help_text="Of the attempt that answered.")
    upstream_api_type = serializers.CharField(allow_null=True, help_text="What that provider spoke.")
    attempts = Attempt(many=True, help_text="In the order they were tried.")
    price_version = PriceVersion(allow_null=True)
    price_lines = PriceLine(many=True, help_text="Empty where only part of the usage is known.")
    long_context = serializers.BooleanField(help_text="Whether the price above the long-context bound applied.")
    rounding_usd = serializers.CharField(help_text="What rounding up, once, to a nano-dollar added.")
    corrections = Correction(many=True)
    tokens_counted_by = serializers.ChoiceField(choices=_SOURCES, help_text="`upstream`: the provider said so.")
    held_usd = serializers.CharField(help_text="Set aside while it ran.")


class GenerationAnswer(serializers.Serializer):
    """One request."""

    data = GenerationDetail()


class GenerationAsked(serializers.Serializer):
    """Which request."""

    id = serializers.UUIDField()


class GenerationView(KeyedView):
    """One request."""

    authentication_classes: list[Any] = [AnyKeys]
    permission_classes: list[Any] = [NeedsMetOrApiKey]
    needs = {"GET": "usage:read"}

    @operation(
        "Usage", "Get a generation", answer=GenerationAnswer,
        query=[query("id", "The `X-Request-Id` of its answer.", UUID, required=True)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """One request: every provider that was tried, and its price line by line. An API key sees its own requests."""
        request_id = query_checked(request, GenerationAsked)["id"]
        caller = request.auth
        detail = request_get(organization_id=caller.organization_id, request_id=request_id)
        mine = not isinstance(caller, Caller) or (detail and detail.row.api_key_id == caller.api_key_id)
        if detail is None or not mine:
            raise Refused(404, "There is no such request, or it is still running.", reason="not_found")
        (shown,) = generations_named(caller.organization_id, [detail.row])
        return Response({"data": shown | _tried(detail) | _priced(detail)})


def _tried(detail: RequestDetail) -> dict[str, Any]:
    answered = next((attempt for attempt in detail.attempts if attempt.answered), None)
    return {
        "provider_name": answered and answered.provider,
        "upstream_api_type": detail.row.upstream_protocol,
        "attempts": [_attempt(attempt, detail.row) for attempt in detail.attempts],
    }


def _attempt(attempt: AttemptRow, row: UsageRow) -> dict[str, Any]:
    first = row.first_content_ms if attempt.answered else None
    return {
        "provider": attempt.provider,
        "protocol": attempt.protocol,
        "started_at": moment(row.started_at + timedelta(milliseconds=attempt.started_ms)),
        "started_ms": attempt.started_ms,
        "duration_ms": attempt.duration_ms,
        "ttft_ms": None if first is None else max(first - attempt.started_ms, 0),
        "status": attempt.status,
        "reason": attempt.reason,
        "charged": attempt.answered,
    }


def _priced(detail: RequestDetail) -> dict[str, Any]:
    priced = detail.priced if detail.is_explained else None
    price = detail.price
    lines = [
        {
            "kind": line.bucket,
            "tokens": line.tokens,
            "usd_per_million": usd(line.rate_nanos),
            "amount_usd": f"{line.amount_usd:.15f}",
        }
        for line in (priced.lines if priced else ())
    ]
    return {
        "total_cost": number(detail.paid_nanos),
        "usage": number(detail.paid_nanos),
        "total_cost_usd": usd(detail.paid_nanos),
        "written_off_usd": usd(detail.write_off_nanos),
        "price_version": {"id": price.id, "effective_from": moment(price.effective_from)} if price else None,
        "price_lines": lines,
        "long_context": bool(priced and priced.long_context),
        "rounding_usd": f"{priced.rounding_usd:.15f}" if priced else usd(0),
        "corrections": [
            {"created_at": moment(late.created_at), "amount_usd": usd(late.charge_nanos)} for late in detail.corrections
        ],
        "tokens_counted_by": detail.row.source,
        "held_usd": usd(detail.row.held_nanos),
    }
