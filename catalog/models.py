"""Tables of the catalog: what may not be is refused by the database itself."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from catalog.addresses import AddressRefused, base_url_check
from catalog.encryption import SEALED_PREFIX, SecretField
from catalog.fields import NanosField
from catalog.incident_models import Incident as Incident, IncidentUpdate as IncidentUpdate
from catalog.pricing import Pricing, Rates
from catalog.vocabulary import (
    CAPABILITIES,
    PUBLIC_ID_PATTERN,
    RATE_NAMES,
    SLUG_PATTERN,
    AuthStyleChoice,
    ProtocolChoice,
    RouteProtocolChoice,
)


def _seconds(verbose_name: str) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(
        verbose_name,
        max_digits=7,
        decimal_places=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001)],
        help_text="Seconds; empty: the platform's own limit.",
    )


class Provider(models.Model):
    """An upstream company and how to reach it."""

    slug = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    public_name = models.CharField(max_length=100, blank=True, help_text="What customers may read; empty: nothing.")
    base_url = models.CharField(
        "base URL",
        max_length=500,
        help_text="As an official SDK would be given it: with /v1 for openai_chat, without it for anthropic_messages.",
    )
    other_base_url = models.CharField(
        "other base URL",
        max_length=500,
        blank=True,
        help_text="For routes that speak the other protocol; empty: the base URL with /v1 added or dropped.",
    )
    protocol = models.CharField(max_length=20, choices=ProtocolChoice)
    auth_style = models.CharField(max_length=10, choices=AuthStyleChoice, blank=True, default="")
    credential = SecretField(blank=True, default="", editable=False)
    connect_seconds = _seconds("connect timeout")
    first_content_seconds = _seconds("first content timeout")
    idle_seconds = _seconds("idle timeout")
    bills_on_disconnect = models.BooleanField(
        default=False, help_text="Hanging up does not stop its bill, so its answers are read to the end."
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                name="provider_slug_plain",
                condition=Q(slug__regex=SLUG_PATTERN),
                violation_error_message="Slug: lower-case letters, digits, - and _ only, at most 50.",
            ),
            models.CheckConstraint(name="provider_protocol_known", condition=Q(protocol__in=ProtocolChoice.values)),
            models.CheckConstraint(
                name="provider_auth_style_known", condition=Q(auth_style__in=AuthStyleChoice.values)
            ),
            models.CheckConstraint(name="provider_base_url_given", condition=~Q(base_url="")),
            models.CheckConstraint(
                name="provider_credential_sealed",
                condition=Q(credential="") | Q(credential__startswith=SEALED_PREFIX),
            ),
            models.CheckConstraint(
                name="provider_timeouts_positive",
                condition=(Q(connect_seconds=None) | Q(connect_seconds__gt=0))
                & (Q(first_content_seconds=None) | Q(first_content_seconds__gt=0))
                & (Q(idle_seconds=None) | Q(idle_seconds__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        errors = {}
        for name, speaks in (("base_url", self.protocol), ("other_base_url", None)):
            url = getattr(self, name)
            try:
                if url:
                    setattr(self, name, base_url_check(url, private_allowed=settings.ALLOW_PRIVATE_UPSTREAMS))
            except AddressRefused as error:
                errors[name] = f"{error}."
            else:
                if speaks == ProtocolChoice.ANTHROPIC_MESSAGES and getattr(self, name).endswith("/v1"):
                    errors[name] = "The base URL of anthropic_messages goes without /v1."
        if errors:
            raise ValidationError(errors)


class Model(models.Model):
    """What the client names and the customer pays for."""

    public_id = models.CharField("public ID", max_length=128, unique=True)
    display_name = models.CharField(max_length=200, blank=True, help_text="Empty: the public ID.")
    description = models.CharField(max_length=500, blank=True)
    context_tokens = models.PositiveIntegerField()
    max_output_tokens = models.PositiveIntegerField()
    capabilities = models.JSONField(default=list, blank=True)
    listed = models.BooleanField(default=True, help_text="Shown in the public catalog.")
    position = models.PositiveSmallIntegerField(
        default=100,
        db_default=100,
        help_text="Lower comes first in the public catalog; equals stay in the order they were made.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                name="model_public_id_plain",
                condition=Q(public_id__regex=PUBLIC_ID_PATTERN),
                violation_error_message="Public ID: letters, digits and . _ - / : only, at most 128.",
            ),
            models.CheckConstraint(
                name="model_limits_make_sense",
                condition=Q(context_tokens__gt=0)
                & Q(max_output_tokens__gt=0)
                & Q(max_output_tokens__lte=F("context_tokens")),
                violation_error_message="Limits: above 0, and the output is part of the context.",
            ),
            models.CheckConstraint(
                name="model_capabilities_known",
                condition=Q(capabilities__contained_by=list(CAPABILITIES)),
                violation_error_message=f"Capabilities: a list of {', '.join(CAPABILITIES)}.",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


def _not_negative(*names: str) -> Q:
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__gte": 0})
    return condition


def _given(*names: str) -> Q:
    return Q(**{f"{name}__isnull": False for name in names})


def _all(value: int | None, *names: str) -> Q:
    return Q(**dict.fromkeys(names, value))


_BASE = [f"{name}_nanos" for name in RATE_NAMES]
_LONG = [f"long_{name}_nanos" for name in RATE_NAMES]


class Price(models.Model):
    """One version of a model's price in nano-dollars per million tokens. Never changed: a new price is a new row.

    The newest version whose `effective_from` has come is in force. Above `long_context_above_tokens` prompt tokens the
    whole request goes by the `long_…` rates.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="prices")
    effective_from = models.DateTimeField(default=timezone.now)
    free = models.BooleanField(default=False, help_text="Tick to give this model away: every price is then 0.")
    input_nanos = NanosField("input")
    output_nanos = NanosField("output")
    cache_read_nanos = NanosField("cached input", blank=True)
    cache_write_5m_nanos = NanosField("cache write, 5 minutes", blank=True)
    cache_write_1h_nanos = NanosField("cache write, 1 hour", blank=True)
    long_context_above_tokens = models.PositiveIntegerField("long context above tokens", null=True, blank=True)
    long_input_nanos = NanosField("long-context input", null=True, blank=True)
    long_output_nanos = NanosField("long-context output", null=True, blank=True)
    long_cache_read_nanos = NanosField("long-context cached input", null=True, blank=True)
    long_cache_write_5m_nanos = NanosField("long-context cache write, 5 minutes", null=True, blank=True)
    long_cache_write_1h_nanos = NanosField("long-context cache write, 1 hour", null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-effective_from", "-id"]
        indexes = [models.Index(fields=["model", "-effective_from", "-id"], name="price_in_force")]
        constraints = [
            models.CheckConstraint(
                name="price_not_negative",
                condition=_not_negative(*_BASE),
                violation_error_message="A price cannot be negative.",
            ),
            models.CheckConstraint(
                name="price_zero_only_if_free",
                condition=(Q(free=True) & _all(0, *_BASE) & Q(long_context_above_tokens=None))
                | (Q(free=False) & ~_all(0, "input_nanos", "output_nanos")),
                violation_error_message="A price of 0 needs the free tick, and free means that every price is 0.",
            ),
            models.CheckConstraint(
                name="price_long_context_whole",
                condition=_all(None, "long_context_above_tokens", *_LONG)
                | (
                    # Spelled out: a CHECK lets through what compares to null.
                    _given("long_context_above_tokens", *_LONG)
                    & Q(long_context_above_tokens__gt=0)
                    & _not_negative(*_LONG)
                    & ~_all(0, "long_input_nanos", "long_output_nanos")
                ),
                violation_error_message="Long context: the threshold and all its prices, above 0, or none of them.",
            ),
        ]

    def __str__(self) -> str:
        return f"price {self.pk} of {self.model}"

    def clean(self) -> None:
        """Absent cache prices are the input price: what nobody priced must not be given away."""
        for prefix in ("", "long_"):
            for name in RATE_NAMES[2:]:
                if getattr(self, f"{prefix}{name}_nanos") is None:
                    setattr(self, f"{prefix}{name}_nanos", getattr(self, f"{prefix}input_nanos"))

    @property
    def pricing(self) -> Pricing:
        """What the charge is computed with."""
        if self.long_context_above_tokens is None:
            return Pricing(rates=_rates(self, ""))
        return Pricing(
            rates=_rates(self, ""),
            long_context_above_tokens=self.long_context_above_tokens,
            long_context_rates=_rates(self, "long_"),
        )


class Route(models.Model):
    """One way from a model to a provider, with what it costs us."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="routes")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="routes")
    upstream_model = models.CharField("upstream name", max_length=200)
    protocol = models.CharField(
        max_length=20, choices=RouteProtocolChoice, default=RouteProtocolChoice.PROVIDER_DEFAULT
    )
    priority = models.PositiveSmallIntegerField(default=1, help_text="Lower comes first.")
    weight = models.PositiveSmallIntegerField(default=1, help_text="Share among routes of one priority.")
    enabled = models.BooleanField(default=True)
    cost_input_nanos = NanosField("cost of input", default=0, blank=True)
    cost_output_nanos = NanosField("cost of output", default=0, blank=True)
    cost_cache_read_nanos = NanosField("cost of cached input", default=0, blank=True)
    cost_cache_write_5m_nanos = NanosField("cost of cache write, 5 minutes", default=0, blank=True)
    cost_cache_write_1h_nanos = NanosField("cost of cache write, 1 hour", default=0, blank=True)

    class Meta:
        ordering = ["model", "priority", "id"]
        constraints = [
            models.UniqueConstraint(name="route_once", fields=["model", "provider", "upstream_model", "protocol"]),
            models.CheckConstraint(name="route_protocol_known", condition=Q(protocol__in=RouteProtocolChoice.values)),
            models.CheckConstraint(name="route_upstream_model_given", condition=~Q(upstream_model="")),
            models.CheckConstraint(name="route_weight_positive", condition=Q(weight__gt=0)),
            models.CheckConstraint(
                name="route_cost_not_negative",
                condition=_not_negative(*(f"cost_{name}_nanos" for name in RATE_NAMES)),
                violation_error_message="A cost cannot be negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.upstream_model} ({self.protocol})"

    def clean(self) -> None:
        """An absent cost is 0; of a cache it is the cost of input, as with prices."""
        for name in RATE_NAMES:
            if getattr(self, f"cost_{name}_nanos") is None:
                setattr(self, f"cost_{name}_nanos", 0 if name in RATE_NAMES[:2] else self.cost_input_nanos)

    @property
    def cost(self) -> Pricing:
        return Pricing(rates=_rates(self, "cost_"))


def _rates(row: models.Model, prefix: str) -> Rates:
    return Rates(**{name: getattr(row, f"{prefix}{name}_nanos") for name in RATE_NAMES})
