"""Staff's door to the catalog. Price versions can be added, never changed."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog import incident_admin as incident_admin
from catalog.admin_forms import ModelForm, PriceForm, ProviderForm, price_example
from catalog.models import Model, Price, Provider, Route
from catalog.money import nanos_to_usd
from catalog.selectors import models_with_state, unsellable_reason
from catalog.vocabulary import RATE_NAMES

if TYPE_CHECKING:  # Django's admin takes type arguments in its stubs only.
    _ProviderAdmin = admin.ModelAdmin[Provider]
    _ModelAdmin = admin.ModelAdmin[Model]
    _PriceAdmin = admin.ModelAdmin[Price]
    _RouteAdmin = admin.ModelAdmin[Route]
    _PriceInline = admin.TabularInline[Price, Model]
    _RouteInline = admin.TabularInline[Route, Model]
else:
    _ProviderAdmin = _ModelAdmin = _PriceAdmin = _RouteAdmin = admin.ModelAdmin
    _PriceInline = _RouteInline = admin.TabularInline

_BASE: list[Any] = [f"{name}_nanos" for name in RATE_NAMES]
_LONG: list[Any] = ["long_context_above_tokens", *(f"long_{name}_nanos" for name in RATE_NAMES)]


@admin.register(Provider)
class ProviderAdmin(_ProviderAdmin):
    form = ProviderForm
    list_display = ["slug", "name", "protocol", "base_url", "credential_state", "enabled"]
    list_filter = ["enabled", "protocol"]
    search_fields = ["slug", "name", "base_url"]
    readonly_fields = ["credential_state", "created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["slug", "name", "public_name", "enabled"]}),
        ("Address", {"fields": ["base_url", "protocol", "other_base_url"]}),
        ("Credential", {"fields": ["credential_state", "credential_new", "credential_forget", "auth_style"]}),
        (
            "Behaviour",
            {"fields": ["connect_seconds", "first_content_seconds", "idle_seconds", "bills_on_disconnect"]},
        ),
        ("When", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        return [*self.readonly_fields, "slug"] if obj else self.readonly_fields

    @admin.display(description="Present credential")
    def credential_state(self, provider: Provider) -> str:
        return provider.credential.hint()


class SellableFilter(admin.SimpleListFilter):
    title = "sellable"
    parameter_name = "sellable"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # A credential needs an enabled provider and route, so these two say it all.
        sellable = {"has_price": True, "has_credential": True}
        match self.value():
            case "yes":
                return queryset.filter(**sellable)
            case "no":
                return queryset.exclude(**sellable)
            case _:
                return queryset


class RouteInline(_RouteInline):
    model = Route
    extra = 0
    show_change_link = True  # What a route costs us is on its own page.
    fields = ["provider", "upstream_model", "protocol", "priority", "weight", "enabled"]


class PriceInline(_PriceInline):
    model = Price
    extra = 0
    verbose_name_plural = "price versions, newest first, in dollars per million tokens"
    fields = ["effective_from", "free", "rates", "long_context"]
    readonly_fields = ["rates", "long_context"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Input / output / cached input / cache write 5 min / 1 h")
    def rates(self, price: Price) -> str:
        return " / ".join(nanos_to_usd(getattr(price, name)) for name in _BASE)

    @admin.display(description="Long context")
    def long_context(self, price: Price) -> str:
        if price.long_context_above_tokens is None:
            return "-"
        rates = " / ".join(nanos_to_usd(getattr(price, name)) for name in _LONG[1:])
        return f"above {price.long_context_above_tokens:,} tokens: {rates}"


@admin.register(Model)
class ModelAdmin(_ModelAdmin):
    form = ModelForm
    list_display = [
        "public_id",
        "position",
        "sellable",
        "listed",
        "price",
        "context_tokens",
        "max_output_tokens",
        "updated_at",
    ]
    list_editable = ["position"]
    list_filter = ["listed", SellableFilter, "routes__provider"]
    search_fields = ["public_id", "display_name", "description"]
    readonly_fields = ["sellable", "created_at", "updated_at"]
    inlines = [RouteInline, PriceInline]
    fieldsets = [
        (None, {"fields": ["public_id", "display_name", "description", "listed", "position", "sellable"]}),
        ("Limits", {"fields": ["context_tokens", "max_output_tokens", "capabilities"]}),
        ("When", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return models_with_state()

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Customers have the public ID in their programs: it is given once."""
        return [*self.readonly_fields, "public_id"] if obj else self.readonly_fields

    @admin.display(description="Sellable")
    def sellable(self, model: Any) -> str:
        if model.pk is None:
            return "not yet: needs a price, a route and a provider with a credential"
        reason = unsellable_reason(model)
        return "yes" if reason is None else f"no: {reason}"

    @admin.display(description="Input / output, $ per million")
    def price(self, model: Any) -> str:
        if model.input_nanos_in_force is None:
            return "-"
        return f"{nanos_to_usd(model.input_nanos_in_force)} / {nanos_to_usd(model.output_nanos_in_force)}"


@admin.register(Price)
class PriceAdmin(_PriceAdmin):
    form = PriceForm
    list_display = [
        "model",
        "effective_from",
        "free",
        "input_usd",
        "output_usd",
        "long_context_above_tokens",
        "example",
    ]
    list_filter = ["free", "effective_from", "model"]
    list_select_related = ["model"]
    search_fields = ["model__public_id"]
    autocomplete_fields = ["model"]
    readonly_fields = ["example", "created_at"]
    fieldsets = [
        (None, {"fields": ["model", "effective_from", "free"]}),
        (
            "Price, in dollars per million tokens",
            {
                "fields": _BASE,
                "description": "For example input 3.00 and output 15.00: 2,000 input and 500 output tokens cost "
                "(2,000 x 3.00 + 500 x 15.00) / 1,000,000 = $0.0135. An empty cache price is the input price.",
            },
        ),
        (
            "Long context",
            {
                "fields": _LONG,
                "description": "Above so many prompt tokens the whole request goes by these prices.",
            },
        ),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Price | None = None) -> Any:
        return [*self.fieldsets, ("This version", {"fields": ["example", "created_at"]})] if obj else self.fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        return False

    @admin.display(description="Input", ordering="input_nanos")
    def input_usd(self, price: Price) -> str:
        return nanos_to_usd(price.input_nanos)

    @admin.display(description="Output", ordering="output_nanos")
    def output_usd(self, price: Price) -> str:
        return nanos_to_usd(price.output_nanos)

    @admin.display(description="Example")
    def example(self, price: Price) -> str:
        return price_example(price)


@admin.register(Route)
class RouteAdmin(_RouteAdmin):
    list_display = ["model", "provider", "upstream_model", "protocol", "priority", "weight", "enabled"]
    list_filter = ["enabled", "provider", "protocol", "model"]
    list_select_related = ["model", "provider"]
    search_fields = ["model__public_id", "provider__slug", "upstream_model"]
    autocomplete_fields = ["model", "provider"]
    fieldsets = [
        (None, {"fields": ["model", "provider", "upstream_model", "protocol", "priority", "weight", "enabled"]}),
        (
            "What it costs us, in dollars per million tokens",
            {
                "fields": [f"cost_{name}_nanos" for name in RATE_NAMES],
                "description": "Empty: 0, and for the cache the cost of input.",
            },
        ),
    ]
