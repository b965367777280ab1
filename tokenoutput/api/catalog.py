"""GET /models: the catalog that the site shows, for programs, filtered by the same form."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_key_selectors import Caller
from catalog.selectors import CatalogRow, LongContextRow, catalog_list
from gateway.convert import CONVERSIONS
from tokenoutput.api.authentication import AnyKeys
from tokenoutput.api.base import ApiView, PublicView
from tokenoutput.api.figures import moment
from tokenoutput.api.pages import PAGE_QUERY, Found, next_link
from tokenoutput.api.permissions import KeyGiven
from tokenoutput.api.schema import operation, query
from tokenoutput.api.throttles import PerKey
from tokenoutput.catalog_filter import row_protocols
from tokenoutput.catalog_words import PARAMETERS, PROTOCOL_LABELS, SORTS
from tokenoutput.forms import CatalogFilterForm

_ALWAYS = ("max_tokens", "temperature", "top_p", "stop")
_INPUTS = ("image", "audio", "file")
# The names of another dialect, or of what is no parameter: they filter, but are not what a client sends here.
_OTHER_NAMES = {"json", "thinking", "cache_control", *_INPUTS}
_RATES = {
    "prompt": "input_usd",
    "completion": "output_usd",
    "input_cache_read": "cache_read_usd",
    "input_cache_write": "cache_write_5m_usd",
    "input_cache_write_1h": "cache_write_1h_usd",
}
FILTERS = [
    query("q", "Words that the id, the name or the description holds."),
    query("protocol", "What the client speaks.", enum=[name for name, _ in PROTOCOL_LABELS]),
    query("capability", "What the model must be able to do; may come several times.", many=True),
    query("context", "Tokens of context, at least.", int),
    query("min_price", "Dollars per million input tokens, at least."),
    query("max_price", "Dollars per million input tokens, at most."),
    query("min_output_price", "Dollars per million output tokens, at least."),
    query("max_output_price", "Dollars per million output tokens, at most."),
    query("free", "Only what costs nothing.", bool),
    query("supported_parameters", "Names with commas between, as OpenRouter's clients send them."),
    query("input_modalities", "Names with commas between, as OpenRouter's clients send them."),
    query("sort", f"One of {', '.join(name for name, _ in SORTS if name)}; OpenRouter's names are understood too."),
]


class Architecture(serializers.Serializer):
    """What goes in and comes out."""

    modality = serializers.CharField()
    input_modalities = serializers.ListField(child=serializers.CharField())
    output_modalities = serializers.ListField(child=serializers.CharField())
    tokenizer = serializers.CharField()
    instruct_type = serializers.CharField(allow_null=True)


class Pricing(serializers.Serializer):
    """Exact dollars per token (per request, per image), as strings."""

    prompt = serializers.CharField()
    completion = serializers.CharField()
    request = serializers.CharField()
    image = serializers.CharField()
    web_search = serializers.CharField()
    internal_reasoning = serializers.CharField(help_text="Beside `completion`, which reasoning tokens are charged at.")
    input_cache_read = serializers.CharField()
    input_cache_write = serializers.CharField()
    input_cache_write_1h = serializers.CharField()


class LongContext(serializers.Serializer):
    """What the whole request costs above so many prompt tokens."""

    above_tokens = serializers.IntegerField()
    prompt = serializers.CharField()
    completion = serializers.CharField()
    input_cache_read = serializers.CharField()
    input_cache_write = serializers.CharField()
    input_cache_write_1h = serializers.CharField()


class TopProvider(serializers.Serializer):
    """The bounds of one answer."""

    context_length = serializers.IntegerField()
    max_completion_tokens = serializers.IntegerField(allow_null=True)
    is_moderated = serializers.BooleanField()


class ModelLinks(serializers.Serializer):
    """Where there is more."""

    details = serializers.CharField(help_text="The path of the model's endpoints.")


class Model(serializers.Serializer):
    """One model of the catalog."""

    id = serializers.CharField()
    canonical_slug = serializers.CharField()
    name = serializers.CharField()
    created = serializers.IntegerField(help_text="Seconds since 1970.")
    description = serializers.CharField()
    context_length = serializers.IntegerField()
    hugging_face_id = serializers.CharField(allow_null=True)
    architecture = Architecture()
    pricing = Pricing()
    pricing_long_context = LongContext(allow_null=True)
    top_provider = TopProvider()
    per_request_limits = serializers.DictField(allow_null=True)
    supported_parameters = serializers.ListField(child=serializers.CharField())
    protocols = serializers.ListField(child=serializers.CharField(), help_text="What a client may speak to it.")
    capabilities = serializers.ListField(child=serializers.CharField())
    is_free = serializers.BooleanField()
    price_changed_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()
    links = ModelLinks()


class ModelAnswer(serializers.Serializer):
    """One model."""

    data = Model()


class ModelsAnswer(Found):
    """A page of models."""

    data = Model(many=True)


class Count(serializers.Serializer):
    """How many models there are."""

    count = serializers.IntegerField()


class CountAnswer(serializers.Serializer):
    """How many models there are."""

    data = Count()


class ModelsView(PublicView):
    """The catalog."""

    @operation("Models", "List models", answer=ModelsAnswer, query=[*FILTERS, *PAGE_QUERY])
    def get(self, request: Request) -> Response:
        """The models of the public catalog. A filter that means nothing filters nothing. No key is needed."""
        return _page(request, catalog_list(conversions=CONVERSIONS))


class ModelsUserView(ApiView):
    """The catalog of one key."""

    authentication_classes: list[Any] = [AnyKeys]
    permission_classes: list[Any] = [KeyGiven]
    throttle_classes: list[Any] = [PerKey]

    @operation("Models", "List models of the key that asks", answer=ModelsAnswer, query=[*FILTERS, *PAGE_QUERY])
    def get(self, request: Request) -> Response:
        """The models that this API key may use. A management key uses none, and sees all of the public catalog."""
        caller, rows = request.auth, catalog_list(conversions=CONVERSIONS)
        if isinstance(caller, Caller):
            rows = [row for row in rows if caller.may_use(row.public_id)]
        return _page(request, rows)


class ModelsCountView(PublicView):
    """The size of the catalog."""

    @operation("Models", "Count models", answer=CountAnswer, query=FILTERS)
    def get(self, request: Request) -> Response:
        """How many models match the filters."""
        rows = CatalogFilterForm(request.query_params).rows(catalog_list(conversions=CONVERSIONS))
        return Response({"data": {"count": len(rows)}})


class ModelView(PublicView):
    """One model."""

    @operation("Models", "Get a model", answer=ModelAnswer)
    def get(self, request: Request, id: str) -> Response:
        """One model of the catalog, by its id, which may hold slashes."""
        row = next((row for row in catalog_list(conversions=CONVERSIONS) if row.public_id == id), None)
        if row is None:
            raise Http404
        return Response({"data": model_of(row)})


class ModelByOpenRouter(ModelView):
    """The same at OpenRouter's address."""

    @operation("Models", "Get a model at OpenRouter's address", answer=ModelAnswer)
    def get(self, request: Request, id: str) -> Response:
        """One model, as `/models/{id}` gives it: OpenRouter's clients ask here."""
        return super().get(request, id)


def _page(request: Request, rows: list[CatalogRow]) -> Response:
    page = CatalogFilterForm(request.query_params).page(rows)
    link = next_link(request, offset=page.offset, limit=page.limit, total_count=page.total_count)
    data = [model_of(row) for row in page.rows]
    return Response({"data": data, "total_count": page.total_count, "links": {"next": link}})


def model_of(row: CatalogRow) -> dict[str, Any]:
    """A model in OpenRouter's shape, and beside it what is ours."""
    is_embedding = "embeddings" in row.capabilities
    inputs = ["text", *(name for name in _INPUTS if name in row.capabilities)]
    outputs = ["embeddings"] if is_embedding else ["text"]
    return {
        "id": row.public_id,
        "canonical_slug": row.public_id,
        "name": row.display_name,
        "created": int(row.created_at.timestamp()),
        "description": row.description,
        "context_length": row.context_tokens,
        "hugging_face_id": None,
        "architecture": {
            "modality": f"{'+'.join(inputs)}->{'+'.join(outputs)}",
            "input_modalities": inputs,
            "output_modalities": outputs,
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": _rates(row) | dict.fromkeys(("request", "image", "web_search", "internal_reasoning"), "0"),
        "pricing_long_context": _rates(row.long_context) | {"above_tokens": row.long_context.above_tokens}
        if row.long_context
        else None,
        "top_provider": {
            "context_length": row.context_tokens,
            "max_completion_tokens": None if is_embedding else row.max_output_tokens,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": [] if is_embedding else _parameters(row),
        "protocols": list(row_protocols(row)),
        "capabilities": list(row.capabilities),
        "is_free": row.free,
        "price_changed_at": moment(row.price_changed_at),
        "updated_at": moment(row.updated_at),
        "links": {"details": f"/api/v1/models/{quote(row.public_id, safe='/:')}/endpoints"},
    }


def _rates(row: CatalogRow | LongContextRow) -> dict[str, str]:
    return {name: _per_token(getattr(row, column)) for name, column in _RATES.items()}


def _per_token(usd_per_million: str) -> str:
    price = Decimal(usd_per_million).scaleb(-6)
    return f"{price:f}".rstrip("0").rstrip(".") if price else "0"


def _parameters(row: CatalogRow) -> list[str]:
    able = [name for name, what in PARAMETERS.items() if what in row.capabilities and name not in _OTHER_NAMES]
    return [*_ALWAYS, *able]
