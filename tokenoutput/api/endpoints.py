"""GET /models/{id}/endpoints: where a model is answered, and how well in the last minutes and hours."""

from dataclasses import asdict
from typing import Any

from django.core.cache import cache
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.endpoint_traffic import UNUSED, EndpointTraffic, traffic_by_route
from catalog.endpoints import Endpoint, model_endpoints
from catalog.selectors import catalog_list
from gateway.convert import CONVERSIONS
from tokenoutput.api.base import PublicView
from tokenoutput.api.catalog import Architecture, LongContext, Pricing, model_of
from tokenoutput.api.providers import provider_slug
from tokenoutput.api.schema import operation
from tokenoutput.status_views import FRESH_SECONDS, GOOD_PERCENT, KEPT_SECONDS, POOR_PERCENT

# OpenRouter's clients read a number: 0 is well, below it is worse.
_STATUSES = {"good": 0, "quiet": 0, "poor": -1, "bad": -2}


class PercentilesShown(serializers.Serializer):
    """What that share of the requests of the last 30 minutes had, or better."""

    p50 = serializers.FloatField()
    p75 = serializers.FloatField()
    p90 = serializers.FloatField()
    p99 = serializers.FloatField()


def _share(span: str) -> serializers.FloatField:
    said = f"Per cent of the requests of the last {span} that gave an answer; null without any."
    return serializers.FloatField(allow_null=True, help_text=said)


class EndpointShown(serializers.Serializer):
    """One way to the model. Figures are of real requests, and at most half a minute old."""

    name = serializers.CharField()
    tag = serializers.CharField()
    model_id = serializers.CharField()
    model_name = serializers.CharField()
    provider_name = serializers.CharField(help_text="Its public name, or `Provider 1` in the order of trial.")
    protocol = serializers.CharField(help_text="What is spoken to it; a client may speak any that the model lists.")
    context_length = serializers.IntegerField()
    max_prompt_tokens = serializers.IntegerField(allow_null=True)
    max_completion_tokens = serializers.IntegerField(allow_null=True)
    quantization = serializers.CharField(allow_null=True)
    pricing = Pricing(help_text="The model's: it is the same whoever answers.")
    pricing_long_context = LongContext(allow_null=True)
    supported_parameters = serializers.ListField(child=serializers.CharField())
    supports_implicit_caching = serializers.BooleanField()
    status = serializers.IntegerField(help_text="0 is well (or unknown), -1 poor, -2 bad.")
    state = serializers.ChoiceField(choices=list(_STATUSES), help_text="Of the last 30 minutes; quiet: no traffic.")
    uptime_last_5m = _share("5 minutes")
    uptime_last_30m = _share("30 minutes")
    uptime_last_1d = _share("24 hours")
    latency_last_30m = PercentilesShown(allow_null=True, help_text="Milliseconds to the first content.")
    throughput_last_30m = PercentilesShown(allow_null=True, help_text="Tokens a second after the first content.")


class ModelEndpoints(serializers.Serializer):
    """A model and the ways to it, in the order they are tried."""

    id = serializers.CharField()
    name = serializers.CharField()
    created = serializers.IntegerField()
    description = serializers.CharField()
    architecture = Architecture()
    endpoints = EndpointShown(many=True)


class EndpointsAnswer(serializers.Serializer):
    """The ways to a model."""

    data = ModelEndpoints()


class EndpointsView(PublicView):
    """The ways to a model."""

    @operation("Models", "List endpoints of a model", answer=EndpointsAnswer)
    def get(self, request: Request, id: str) -> Response:
        """Where a model is answered: price, bounds, and from real requests uptime, latency and speed. No key needed."""
        row = next((row for row in catalog_list(conversions=CONVERSIONS) if row.public_id == id), None)
        if row is None:
            raise Http404
        model, traffic = model_of(row), traffic_now()
        shown = [_endpoint(one, model, traffic.get(one.route_id, UNUSED)) for one in model_endpoints(public_id=id)]
        kept = {name: model[name] for name in ("id", "name", "created", "description", "architecture")}
        return Response({"data": kept | {"endpoints": shown}})


def traffic_now() -> dict[int, EndpointTraffic]:
    """As on the status page: worked out by one caller in `FRESH_SECONDS`; who comes meanwhile gets the last one."""
    known: dict[int, EndpointTraffic] | None = cache.get("endpoints")
    if known is None or cache.add("endpoints-fresh", "yes", FRESH_SECONDS):
        known = traffic_by_route()
        cache.set("endpoints", known, KEPT_SECONDS)
        cache.set("endpoints-fresh", "yes", FRESH_SECONDS)
    return known


def _endpoint(endpoint: Endpoint, model: dict[str, Any], traffic: EndpointTraffic) -> dict[str, Any]:
    state = _state(traffic.last_30m.percent)
    latency, pace = traffic.latency_ms, traffic.tokens_per_second
    return {
        "name": f"{endpoint.provider} | {model['id']}",
        "tag": f"{provider_slug(endpoint.provider)}/{endpoint.protocol}",
        "model_id": model["id"],
        "model_name": model["name"],
        "provider_name": endpoint.provider,
        "protocol": endpoint.protocol,
        "context_length": model["context_length"],
        "max_prompt_tokens": None,
        "max_completion_tokens": model["top_provider"]["max_completion_tokens"],
        "quantization": None,
        "pricing": model["pricing"],
        "pricing_long_context": model["pricing_long_context"],
        "supported_parameters": model["supported_parameters"],
        "supports_implicit_caching": False,
        "status": _STATUSES[state],
        "state": state,
        "uptime_last_5m": traffic.last_5m.percent,
        "uptime_last_30m": traffic.last_30m.percent,
        "uptime_last_1d": traffic.last_24h.percent,
        "latency_last_30m": asdict(latency) if latency else None,
        "throughput_last_30m": asdict(pace) if pace else None,
    }


def _state(percent: float | None) -> str:
    if percent is None:
        return "quiet"
    return "good" if percent >= GOOD_PERCENT else "poor" if percent >= POOR_PERCENT else "bad"
