"""Requests that were metered: a log with a cursor, as JSON or as a file."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_key_selectors import ApiKeyFilter, ApiKeyView, api_key_get, api_keys_page
from billing.csv_answer import Amount, Cell, csv_answer
from billing.request_forms import OUTCOMES, PROTOCOLS
from billing.requests import RequestFilter, requests_page
from billing.selectors import UsageRow
from catalog.lookups import model_id_get
from catalog.selectors import model_names
from tokenoutput.api.figures import UtcField, moment, number, usd
from tokenoutput.api.keyed import KeyedView
from tokenoutput.api.pages import CURSOR_QUERY, LIMIT_MAX, Flowing, link_with, query_checked
from tokenoutput.api.schema import operation, query

_STATUSES = [name for name, _ in OUTCOMES]
_PROTOCOLS = [name for name, _ in PROTOCOLS]
CSV_ROWS_MAX = 50_000
_CSV_PAGE_ROWS = 5_000
_CSV_COLUMNS = (
    "id", "created_at", "model", "api_key_name", "api_type", "status", "tokens_prompt", "native_tokens_cached",
    "tokens_completion", "total_cost_usd", "latency", "generation_time",
)  # fmt: skip


class Generation(serializers.Serializer):
    """One request. Neither its prompt nor its answer is kept."""

    id = serializers.UUIDField(help_text="The `X-Request-Id` of its answer.")
    created_at = serializers.DateTimeField()
    model = serializers.CharField()
    status = serializers.ChoiceField(choices=_STATUSES)
    api_type = serializers.ChoiceField(choices=_PROTOCOLS, help_text="What the client spoke.")
    total_cost = serializers.FloatField(help_text="Dollars that the wallet paid.")
    usage = serializers.FloatField(help_text="The same.")
    total_cost_usd = serializers.CharField()
    written_off_usd = serializers.CharField(help_text="What it cost beyond that, which we bear.")
    tokens_prompt = serializers.IntegerField()
    tokens_completion = serializers.IntegerField()
    native_tokens_prompt = serializers.IntegerField()
    native_tokens_completion = serializers.IntegerField()
    native_tokens_reasoning = serializers.IntegerField()
    native_tokens_cached = serializers.IntegerField()
    cache_write_tokens = serializers.IntegerField()
    latency = serializers.IntegerField(allow_null=True, help_text="Milliseconds to the first content.")
    generation_time = serializers.IntegerField(allow_null=True, help_text="Milliseconds from there to the end.")
    cancelled = serializers.BooleanField(help_text="The client hung up.")
    is_byok = serializers.BooleanField(help_text="Always false.")
    api_key_hash = serializers.CharField(allow_null=True)
    api_key_name = serializers.CharField()
    user_id = serializers.CharField(allow_null=True, help_text="The member whose key it was.")


class GenerationsAnswer(Flowing):
    """Requests, newest first."""

    data = Generation(many=True)


class GenerationsAsked(serializers.Serializer):
    """Which requests."""

    cursor = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_MAX)
    model = serializers.CharField(max_length=200, required=False)
    key = serializers.CharField(max_length=80, required=False)
    status = serializers.ChoiceField(choices=_STATUSES, required=False)
    protocol = serializers.ChoiceField(choices=_PROTOCOLS, required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python lets a class have."""
        return dict(super().get_fields()) | {name: UtcField(required=False) for name in ("from", "to")}


class GenerationsView(KeyedView):
    """The log."""

    needs = {"GET": "usage:read"}

    @operation(
        "Usage", "List generations", answer=GenerationsAnswer,
        query=[
            *CURSOR_QUERY,
            query("model", "The id of a model."),
            query("key", "The hash of an API key."),
            query("status", "What became of it.", enum=_STATUSES),
            query("protocol", "What the client spoke.", enum=_PROTOCOLS),
            query("from", "Begun at or after this moment, in UTC: 2026-11-29T09:00:00Z."),
            query("to", "Begun before this moment, in UTC."),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        """Requests that were metered, newest first. With `Accept: text/csv` a file of the newest 50,000 that match."""
        asked = query_checked(request, GenerationsAsked)
        organization_id = self.caller.organization_id
        only = _only(organization_id, asked)
        if "text/csv" in request.headers.get("Accept", ""):
            rows = ([_cell(line, name) for name in _CSV_COLUMNS] for line in _every(organization_id, only))
            return csv_answer(request._request, name="generations.csv", header=_CSV_COLUMNS, rows=rows)
        limit = asked["limit"]
        found = requests_page(organization_id=organization_id, only=only, before=asked.get("cursor"), limit=limit + 1)
        link = link_with(request, cursor=found[limit - 1].id) if len(found) > limit else None
        return Response({"data": generations_named(organization_id, found[:limit]), "links": {"next": link}})


def _only(organization_id: int, asked: dict[str, Any]) -> RequestFilter:
    """A model or a key that is not there matches nothing."""
    key = api_key_get(organization_id=organization_id, public_hash=asked["key"]) if "key" in asked else None
    return RequestFilter(
        model_id=(model_id_get(public_id=asked["model"]) or 0) if "model" in asked else None,
        api_key_ids=([key.id] if key else []) if "key" in asked else None,
        outcome=asked.get("status", ""),
        protocol=asked.get("protocol", ""),
        since=asked.get("from"),
        until=asked.get("to"),
    )


def _every(organization_id: int, only: RequestFilter) -> Iterator[dict[str, Any]]:
    before, left = None, CSV_ROWS_MAX
    while left:
        rows = requests_page(organization_id=organization_id, only=only, before=before, limit=min(left, _CSV_PAGE_ROWS))
        yield from generations_named(organization_id, rows)
        left -= len(rows)
        if len(rows) < _CSV_PAGE_ROWS:
            return
        before = rows[-1].id


def generations_named(organization_id: int, rows: Iterable[UsageRow]) -> list[dict[str, Any]]:
    """These rows as the API shows them, with the names of models and keys."""
    rows = list(rows)
    models = model_names(ids={row.model_id for row in rows})
    ids = sorted({row.api_key_id for row in rows})
    keys = api_keys_page(organization_id=organization_id, only=ApiKeyFilter(ids=ids), limit=len(ids)) if ids else []
    by_id = {key.id: key for key in keys}
    return [_row(row, models.get(row.model_id, ""), by_id.get(row.api_key_id)) for row in rows]


def _row(row: UsageRow, model: str, key: ApiKeyView | None) -> dict[str, Any]:
    usage, paid_nanos = row.usage, row.charge_nanos - row.write_off_nanos
    first, whole = row.first_content_ms, row.duration_ms
    return {
        "id": str(row.id),
        "created_at": moment(row.started_at),
        "model": model,
        "status": row.outcome,
        "api_type": row.client_protocol,
        "total_cost": number(paid_nanos),
        "usage": number(paid_nanos),
        "total_cost_usd": usd(paid_nanos),
        "written_off_usd": usd(row.write_off_nanos),
        "tokens_prompt": usage.prompt_tokens,
        "tokens_completion": usage.output_tokens,
        "native_tokens_prompt": usage.prompt_tokens,
        "native_tokens_completion": usage.output_tokens,
        "native_tokens_reasoning": usage.reasoning_tokens,
        "native_tokens_cached": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "latency": first,
        "generation_time": whole - first if whole is not None and first is not None else whole,
        "cancelled": row.outcome == "client_gone",
        "is_byok": False,
        "api_key_hash": key.public_hash if key else None,
        "api_key_name": key.name if key else "",
        "user_id": str(row.member_id) if row.member_id else None,
    }


def _cell(line: dict[str, Any], name: str) -> Cell:
    return Amount(line[name]) if name.endswith("_usd") else line[name]
