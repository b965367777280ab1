"""What /analytics counts and by what, in OpenRouter's words, and the bodies it takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from billing.usage_analytics import Cell, Dimension
from tokenoutput.api.figures import Strict, UtcField, number

ROWS_MAX = 10_000
ROWS_USUAL = 1000
FILTERS_MAX = 20
VALUES_MAX = 100
DIMENSIONS_MAX = 2
_NONE_OF = "“{input}” is none of: %s."


@dataclass(frozen=True, slots=True)
class Metric:
    """`order` is what `billing` orders by; money is a number, with the exact amount as `…_usd` beside it."""

    label: str
    form: str
    order: str
    value: Callable[[Cell], Any]


def _share(cell: Cell) -> float:
    return round(cell.cache_read_tokens / cell.prompt_tokens, 6) if cell.prompt_tokens else 0.0


METRICS: Final[Mapping[str, Metric]] = {
    "request_count": Metric("Requests", "number", "requests", lambda cell: str(cell.requests)),
    "tokens_total": Metric(
        "Tokens", "number", "tokens", lambda cell: str(cell.prompt_tokens + cell.output_tokens)
    ),
    "tokens_prompt": Metric("Prompt tokens", "number", "prompt", lambda cell: str(cell.prompt_tokens)),
    "tokens_completion": Metric("Completion tokens", "number", "output", lambda cell: str(cell.output_tokens)),
    "reasoning_tokens": Metric("Reasoning tokens", "number", "reasoning", lambda cell: str(cell.reasoning_tokens)),
    "cached_tokens": Metric("Cached tokens", "number", "cache_read", lambda cell: str(cell.cache_read_tokens)),
    "cache_write_tokens": Metric(
        "Tokens written to a cache", "number", "cache_write", lambda cell: str(cell.cache_write_tokens)
    ),
    "cache_hit_rate": Metric("Share of the prompt from a cache", "percent", "cache_share", _share),
    "total_usage": Metric("Spend", "currency", "spend", lambda cell: number(cell.spend_nanos)),
    "credits_usage": Metric("Spend of credit", "currency", "spend", lambda cell: number(cell.spend_nanos)),
}  # fmt: skip
# By OpenRouter's name: our own, and what it is called.
DIMENSIONS: Final[Mapping[str, tuple[Dimension, str]]] = {
    "model": ("model", "Model"),
    "api_key_id": ("key", "API key"),
    "user": ("member", "Member"),
    "api_type": ("protocol", "Protocol"),
}
OPERATORS: Final[Mapping[str, str]] = {"eq": "scalar", "neq": "scalar", "in": "array", "not_in": "array"}
GRANULARITIES: Final[Mapping[str, str]] = {"hour": "Hour", "day": "Day"}
# The description names them as such.
METRIC_NAMES, DIMENSION_NAMES, ORDER_NAMES = list(METRICS), list(DIMENSIONS), [*METRICS, "date"]


def _choice(names: Any, **given: Any) -> serializers.ChoiceField:
    """One of these; the message of what is none of them lists them."""
    listed = ", ".join(names)
    return serializers.ChoiceField(
        choices=list(names), error_messages={"invalid_choice": _NONE_OF % listed}, **given
    )  # fmt: skip


class FilterValueField(serializers.Field):
    """A word or a whole number, or a list of them; words inside."""

    default_error_messages = {"invalid": f"A string or a whole number, or a list of 1 to {VALUES_MAX} of them."}

    def to_internal_value(self, data: Any) -> list[str]:
        values = data if isinstance(data, list) else [data]
        if not 1 <= len(values) <= VALUES_MAX or not all(type(value) in (str, int) for value in values):
            self.fail("invalid")
        return [str(value)[:200] for value in values]

    def to_representation(self, value: Any) -> Any:
        return value


class FilterValueDescribed(OpenApiSerializerFieldExtension):
    """How the description says it."""

    target_class = FilterValueField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        one = [{"type": "string"}, {"type": "integer"}]
        several = {"type": "array", "items": {"anyOf": one}, "minItems": 1, "maxItems": VALUES_MAX}
        return {"anyOf": [*one, several]}


class AnalyticsRange(Strict):
    """From when up to when, in whole hours: the hour of `start` counts, and so does a begun one at `end`."""

    start = UtcField()
    end = UtcField(required=False, help_text="Now, where it is not said.")


class AnalyticsFilter(Strict):
    """Which usage counts."""

    field = _choice(DIMENSIONS)
    operator = _choice(OPERATORS)
    value = FilterValueField(help_text="A model's id, a key's hash, a member's id, a protocol; with `in`, a list.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if OPERATORS[attrs["operator"]] == "scalar" and len(attrs["value"]) > 1:
            raise serializers.ValidationError({"value": ["One value; use in or not_in for several."]})
        return attrs


class AnalyticsOrder(Strict):
    """What comes first."""

    field = _choice(ORDER_NAMES)
    direction = _choice(["asc", "desc"], default="desc")


class AnalyticsAsked(Strict):
    """A question about usage."""

    metrics = serializers.ListField(child=_choice(METRICS), min_length=1, max_length=len(METRICS))
    dimensions = serializers.ListField(child=_choice(DIMENSIONS), max_length=DIMENSIONS_MAX, default=list)
    granularity = _choice(GRANULARITIES, required=False, allow_null=True, help_text="None: one sum for each group.")
    time_range = AnalyticsRange(required=False, help_text="The last 7 days, where it is not said.")
    filters = AnalyticsFilter(many=True, required=False, help_text="At most 20; a row has to pass all.")
    order_by = AnalyticsOrder(required=False, help_text="The latest, else the first metric's most, if not said.")
    limit = serializers.IntegerField(min_value=1, max_value=ROWS_MAX, default=ROWS_USUAL)
    group_limit = serializers.IntegerField(
        min_value=1, max_value=ROWS_MAX, required=False, help_text="Rows of each group, at most."
    )

    def validate_dimensions(self, asked: list[str]) -> list[str]:
        if len(set(asked)) < len(asked):
            raise serializers.ValidationError("Each dimension once.")
        return asked

    def validate_filters(self, asked: list[Any]) -> list[Any]:
        if len(asked) > FILTERS_MAX:
            raise serializers.ValidationError(f"At most {FILTERS_MAX}.")
        return asked


def _count(label: str) -> serializers.CharField:
    return serializers.CharField(required=False, help_text=f"{label}: a whole number as a string.")


class AnalyticsRow(serializers.Serializer):
    """What was asked for, and no more: each metric and dimension by its name."""

    date__day = serializers.DateField(required=False, help_text="With days (UTC).")
    date__hour = serializers.DateTimeField(required=False, help_text="With hours: when it began.")
    model = serializers.CharField(required=False)
    api_key_id = serializers.CharField(required=False, help_text="The key's name.")
    api_key_hash = serializers.CharField(required=False, help_text="Beside it, what the key is called in paths.")
    user = serializers.CharField(required=False, help_text="The member's e-mail address.")
    user_id = serializers.CharField(required=False, help_text="Beside it, the member's id.")
    api_type = serializers.CharField(required=False)
    request_count = _count("Requests")
    tokens_total = _count("Tokens in and out")
    tokens_prompt = _count("Tokens in, cached ones too")
    tokens_completion = _count("Tokens out")
    reasoning_tokens = _count("A part of the completion")
    cached_tokens = _count("Read from a cache")
    cache_write_tokens = _count("Written to a cache")
    cache_hit_rate = serializers.FloatField(required=False, help_text="0 to 1: of the prompt, what a cache had.")
    total_usage = serializers.FloatField(required=False, help_text="Dollars, for showing.")
    total_usage_usd = serializers.CharField(required=False, help_text="The same, exactly.")
    credits_usage = serializers.FloatField(required=False, help_text="The same as total_usage.")
    credits_usage_usd = serializers.CharField(required=False)
    partial = serializers.BooleanField(help_text="Its day, its hour or the range is not over.")


class AnalyticsMetadata(serializers.Serializer):
    """About the answer."""

    query_time_ms = serializers.IntegerField()
    row_count = serializers.IntegerField()
    truncated = serializers.BooleanField(help_text="There are more rows than `limit`.")


class AnalyticsFound(serializers.Serializer):
    """Rows."""

    data = AnalyticsRow(many=True)
    metadata = AnalyticsMetadata()
    warnings = serializers.ListField(child=serializers.CharField(), help_text="Values of filters that nothing has.")


class AnalyticsAnswer(serializers.Serializer):
    """What was found."""

    data = AnalyticsFound()


class MetaMetric(serializers.Serializer):
    """What can be counted."""

    name = serializers.CharField()
    display_label = serializers.CharField()
    is_rate = serializers.BooleanField()
    display_format = serializers.CharField(help_text="number, percent or currency.")


class MetaName(serializers.Serializer):
    """A dimension or a granularity."""

    name = serializers.CharField()
    display_label = serializers.CharField()


class MetaOperator(serializers.Serializer):
    """How a filter compares."""

    name = serializers.CharField()
    value_type = serializers.CharField(help_text="scalar or array.")


class MetaFound(serializers.Serializer):
    """Everything that a question may name."""

    metrics = MetaMetric(many=True)
    dimensions = MetaName(many=True)
    operators = MetaOperator(many=True)
    granularities = MetaName(many=True)


class MetaAnswer(serializers.Serializer):
    """What there is."""

    data = MetaFound()
