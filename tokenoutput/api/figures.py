"""Money and times as the management API writes and reads them."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from catalog.money import nanos_to_usd, usd_to_nanos

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|\+00:00)")
_DIGITS = 18


def usd(nanos: int) -> str:
    """Exact: a string of dollars with all nine places."""
    return nanos_to_usd(nanos, 9)


def number(nanos: int) -> float:
    """What OpenRouter's clients expect: a JSON number of dollars, for showing and not for adding up."""
    return float(Decimal(nanos).scaleb(-9))


def moment(when: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if when else None


class UsdField(serializers.DecimalField):
    """Dollars in, as a JSON number or a string, between bounds; nano-dollars inside."""

    default_error_messages = {"bounds": "An amount from ${least} to ${most}."}

    def __init__(self, *, least_nanos: int, most_nanos: int, places: int = 9, **given: Any) -> None:
        self.least_nanos, self.most_nanos, self.places = least_nanos, most_nanos, places
        super().__init__(max_digits=_DIGITS, decimal_places=places, **given)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool):
            self.fail("invalid")
        nanos = usd_to_nanos(f"{super().to_internal_value(data):f}")
        if not self.least_nanos <= nanos <= self.most_nanos:
            self.fail("bounds", least=nanos_to_usd(self.least_nanos), most=nanos_to_usd(self.most_nanos))
        return nanos


class UsdDescribed(OpenApiSerializerFieldExtension):
    """How the description says it: a number between bounds, or the same as a string."""

    target_class = UsdField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        field = self.target
        bounds = {"minimum": number(field.least_nanos), "maximum": number(field.most_nanos)}
        pattern = rf"^[0-9]{{1,8}}(\.[0-9]{{1,{field.places}}})?$"
        return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": pattern}]}


class UtcField(serializers.DateTimeField):
    """A moment with its zone, which is UTC: no other is guessed at."""

    default_error_messages = {"utc": "Write the time in UTC, as 2026-11-29T09:00:00Z."}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _UTC.fullmatch(value):
            self.fail("utc")
        parsed: datetime = super().to_internal_value(value)
        return parsed


class Strict(serializers.Serializer):
    """A body in which a misspelled name is an error: a limit that was meant must not be passed over."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({name[:80]: ["There is no such field."] for name in unknown[:20]})
        return super().to_internal_value(data)
