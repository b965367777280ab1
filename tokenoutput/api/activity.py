"""GET /activity: usage by day or hour, of the last thirty days and of today so far."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_key_selectors import ApiKeyFilter, api_key_get, api_keys_page
from accounts.errors import ApiKeyNotFound
from accounts.key_names import member_emails_of
from billing.csv_answer import Amount, csv_answer
from billing.usage_series import UsageCell, UsageOf, usage_series
from catalog.selectors import model_names
from tokenoutput.api.errors import QueryRefused
from tokenoutput.api.figures import moment, number, usd
from tokenoutput.api.keyed import KeyedView
from tokenoutput.api.pages import query_checked
from tokenoutput.api.schema import operation, query

DAYS = 30
HOURS_DAYS = 7
ROWS_MAX = 10_000
_GROUPS = ("model", "key", "member", "protocol")
_CSV_COLUMNS = (
    "date", "hour", "model", "api_key_name", "user_email", "api_type", "requests", "prompt_tokens", "cached_tokens",
    "completion_tokens", "reasoning_tokens", "usage_usd", "partial",
)  # fmt: skip


class Activity(serializers.Serializer):
    """What one group used in one day or hour (UTC)."""

    date = serializers.DateField()
    hour = serializers.DateTimeField(allow_null=True, help_text="When the hour began; null with days.")
    model = serializers.CharField(help_text="Empty where usage is not grouped by model; so are the next ones.")
    model_permaslug = serializers.CharField()
    endpoint_id = serializers.CharField(help_text="Always empty.")
    provider_name = serializers.CharField(help_text="Always empty.")
    api_key_hash = serializers.CharField()
    api_key_name = serializers.CharField()
    user_id = serializers.CharField()
    user_email = serializers.CharField()
    api_type = serializers.CharField()
    requests = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField(help_text="Cached ones too.")
    cached_tokens = serializers.IntegerField(help_text="Read from a cache, or written to one.")
    completion_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField(help_text="A part of the completion.")
    usage = serializers.FloatField(help_text="Dollars.")
    usage_usd = serializers.CharField()
    byok_usage_inference = serializers.FloatField(help_text="Always 0.")
    partial = serializers.BooleanField(help_text="The day or hour is not over.")


class ActivityAnswer(serializers.Serializer):
    """Usage, the newest first."""

    data = Activity(many=True)


class ActivityAsked(serializers.Serializer):
    """Of when, of whom, and by what."""

    date = serializers.DateField(required=False)
    api_key_hash = serializers.CharField(max_length=80, required=False)
    user_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    group_by = serializers.ChoiceField(choices=_GROUPS, default="model")
    granularity = serializers.ChoiceField(choices=("day", "hour"), default="day")
    tz = serializers.ChoiceField(choices=("UTC",), default="UTC")


class ActivityView(KeyedView):
    """Usage over time."""

    needs = {"GET": "usage:read"}

    @operation(
        "Usage", "List activity", answer=ActivityAnswer,
        query=[
            query("date", "One day alone, UTC, as 2026-11-29."),
            query("api_key_hash", "Of one API key."),
            query("user_id", "Of one member's keys.", int),
            query("group_by", "Model where it is not said.", enum=_GROUPS),
            query("granularity", "Day where it is not said.", enum=("day", "hour")),
            query("tz", "UTC: no other is taken.", enum=("UTC",)),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        """Usage of the last 30 days (by hour: 7) and of today so far, `partial`; CSV on `Accept: text/csv`."""
        asked = query_checked(request, ActivityAsked)
        rows = self._rows(asked)
        if "text/csv" in request.headers.get("Accept", ""):
            cells = (
                [Amount(row[name]) if name == "usage_usd" else str(row[name] or "") for name in _CSV_COLUMNS]
                for row in rows
            )
            return csv_answer(request._request, name="activity.csv", header=_CSV_COLUMNS, rows=cells)
        return Response({"data": rows})

    def _rows(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        organization_id = self.caller.organization_id
        since, until = _window(asked.get("date"), asked["granularity"])
        cells = usage_series(
            organization_id=organization_id,
            since=since,
            until=until,
            bucket=asked["granularity"],
            group_by=asked["group_by"],
            of=UsageOf(self._key_id(asked.get("api_key_hash")), asked.get("user_id")),
        )
        if len(cells) > ROWS_MAX:
            raise QueryRefused({"date": [f"More than {ROWS_MAX:,} rows: ask for one day at a time."]})
        names = names_of(organization_id, asked["group_by"], {cell.group for cell in cells})
        return [_row(cell, asked, names.get(cell.group, {})) for cell in reversed(cells)]

    def _key_id(self, public_hash: str | None) -> int | None:
        if public_hash is None:
            return None
        key = api_key_get(organization_id=self.caller.organization_id, public_hash=public_hash)
        if key is None:
            raise ApiKeyNotFound("There is no such API key.")
        return key.id


def _window(day: date | None, granularity: str) -> tuple[datetime, datetime]:
    if day is not None and day != date.max:
        since = datetime.combine(day, time(), UTC)
        return since, since + timedelta(days=1)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=DAYS if granularity == "day" else HOURS_DAYS), today + timedelta(days=1)


def names_of(organization_id: int, group_by: str, groups: set[str]) -> dict[str, dict[str, str]]:
    """What is known of each group; what is gone has no name."""
    if group_by == "protocol":
        return {group: {"api_type": group} for group in groups}
    ids = [int(group) for group in groups]
    if group_by == "model":
        found = model_names(ids=ids)
        return {str(id): {"model": name, "model_permaslug": name} for id, name in found.items()}
    if group_by == "member":
        emails = member_emails_of(organization_id=organization_id, ids=ids)
        return {str(id): {"user_id": str(id), "user_email": email} for id, email in emails.items()}
    keys = api_keys_page(organization_id=organization_id, only=ApiKeyFilter(ids=ids), limit=len(ids)) if ids else []
    return {str(key.id): {"api_key_hash": key.public_hash, "api_key_name": key.name} for key in keys}


def _row(cell: UsageCell, asked: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    hourly = asked["granularity"] == "hour"
    ends_at = cell.starts_at + (timedelta(hours=1) if hourly else timedelta(days=1))
    empty = (
        "model", "model_permaslug", "endpoint_id", "provider_name", "api_key_hash", "api_key_name", "user_id",
        "user_email", "api_type",
    )  # fmt: skip
    return {
        "date": cell.starts_at.astimezone(UTC).date().isoformat(),
        "hour": moment(cell.starts_at) if hourly else None,
        **dict.fromkeys(empty, ""),
        **names,
        "requests": cell.requests,
        "prompt_tokens": cell.input_tokens + cell.cached_tokens,
        "cached_tokens": cell.cached_tokens,
        "completion_tokens": cell.output_tokens,
        "reasoning_tokens": cell.reasoning_tokens,
        "usage": number(cell.spend_nanos),
        "usage_usd": usd(cell.spend_nanos),
        "byok_usage_inference": 0,
        "partial": ends_at > datetime.now(UTC),
    }
