"""What is sold, at which price, through which routes: as the gateway and the public table see it."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from catalog.models import Model, Price, Provider, Route
from catalog.resolution import route_base_url, route_protocol
from catalog.selectors import (
    catalog_list,
    docs_model,
    model_names,
    models_with_state,
    snapshot_load,
    unsellable_reason,
)

pytestmark = pytest.mark.django_db


def provider_make(slug="p", **columns):
    given = {"name": "P", "base_url": f"https://{slug}.example/v1", "protocol": "openai_chat", "credential": "sk-up"}
    return Provider.objects.create(slug=slug, **given | columns)


def price_make(model, cents=10, **columns):
    rate = cents * 10_000_000
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    return Price.objects.create(model=model, **{f"{name}_nanos": rate for name in names} | columns)


def model_make(public_id="m", *, provider=None, protocol="provider_default", priced=True, **columns):
    model = Model.objects.create(public_id=public_id, context_tokens=1000, max_output_tokens=100, **columns)
    if priced:
        price_make(model)
    if provider:
        Route.objects.create(model=model, provider=provider, upstream_model="u", protocol=protocol)
    return model


def reason_of(model):
    return unsellable_reason(models_with_state().get(pk=model.pk))


def test_a_whole_model_is_sold():
    model = model_make(provider=provider_make())
    assert [row.public_id for row in catalog_list()] == ["m"]
    assert snapshot_load().models["m"].id == model.id
    assert reason_of(model) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: Route.objects.update(enabled=False), "no enabled route"),
        (lambda: Provider.objects.update(enabled=False), "no enabled provider behind its routes"),
        (lambda: Provider.objects.update(credential=""), "no credential at its providers"),
    ],
)
def test_what_lacks_something_is_neither_listed_nor_sold(change, reason):
    model = model_make(provider=provider_make())
    change()
    assert (catalog_list(), snapshot_load().models, reason_of(model)) == ([], {}, reason)


def test_a_model_without_a_price_is_not_sold():
    model = model_make(provider=provider_make(), priced=False)
    price_make(model, effective_from=timezone.now() + timedelta(hours=1))
    assert (catalog_list(), snapshot_load().models, reason_of(model)) == ([], {}, "no price in force")


def test_an_unlisted_model_is_sold_and_not_shown():
    model_make(provider=provider_make(), listed=False)
    assert catalog_list() == []
    assert "m" in snapshot_load().models


def test_the_newest_price_that_has_come_is_in_force():
    model = model_make(provider=provider_make())
    newest = price_make(model, 30)
    price_make(model, 20, effective_from=timezone.now() - timedelta(days=1))
    price_make(model, 40, effective_from=timezone.now() + timedelta(days=1))
    assert snapshot_load().models["m"].price_version_id == newest.id
    assert catalog_list()[0].input_usd == "0.30"


def test_among_prices_of_one_moment_the_last_made_is_in_force():
    model = model_make(provider=provider_make(), priced=False)
    at = timezone.now()
    price_make(model, 30, effective_from=at)
    price_make(model, 20, effective_from=at)
    assert catalog_list()[0].input_usd == "0.20"


def test_a_credential_that_no_key_opens_takes_its_routes_out(settings, caplog):
    model_make("a", provider=provider_make("lost"))
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    model_make("b", provider=provider_make("known"))
    assert list(snapshot_load().models) == ["b"]
    assert "provider lost" in caplog.text
    assert "sk-up" not in caplog.text


def test_an_old_key_still_opens_what_it_sealed(settings):
    provider_make()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    provider = Provider.objects.get()
    assert provider.credential.reveal() == "sk-up"
    assert "sk-up" not in f"{provider.credential!r} {provider.credential} {vars(provider)}"


@pytest.mark.parametrize("size", [1, 12])
def test_reading_the_catalog_costs_three_queries(django_assert_num_queries, size):
    providers = [provider_make(f"p{index}") for index in range(3)]
    for index in range(size):
        model = model_make(f"m{index}", provider=providers[index % 3])
        Route.objects.create(model=model, provider=providers[(index + 1) % 3], upstream_model="u")
    with django_assert_num_queries(3):
        assert len(catalog_list()) == size
    with django_assert_num_queries(3):
        assert len(snapshot_load().models) == size
    with django_assert_num_queries(1):
        assert [unsellable_reason(model) for model in models_with_state()] == [None] * size


def test_routes_come_by_priority_with_their_overrides_resolved():
    provider = provider_make(idle_seconds="1.5", auth_style="bearer")
    model = model_make(provider=provider, protocol="anthropic_messages")
    Route.objects.create(model=model, provider=provider, upstream_model="first", priority=0, cost_input_nanos=7)
    first, second = snapshot_load().models["m"].routes
    assert (first.upstream_model, first.protocol, first.base_url) == ("first", "openai_chat", "https://p.example/v1")
    assert (second.protocol, second.base_url) == ("anthropic_messages", "https://p.example")
    assert first.cost.rates.input == 7
    assert first.provider is second.provider
    assert (first.provider.idle_seconds, first.provider.connect_seconds) == (1.5, 5.0)
    assert (first.provider.auth_style, provider_make("q").auth_style) == ("bearer", "")


V1 = "https://x.example/v1"
BARE = "https://x.example"


@pytest.mark.parametrize(
    ("provider", "override", "base", "other", "protocol", "resolved"),
    [
        ("openai_chat", "provider_default", V1, "", "openai_chat", V1),
        ("openai_chat", "openai_chat", V1, "https://o.example", "openai_chat", V1),
        ("openai_chat", "anthropic_messages", V1, "", "anthropic_messages", BARE),
        ("openai_chat", "anthropic_messages", V1 + "/", "", "anthropic_messages", BARE),
        ("openai_chat", "anthropic_messages", V1, "https://o.example/a/", "anthropic_messages", "https://o.example/a"),
        ("openai_chat", "anthropic_messages", BARE + "/api", "", "anthropic_messages", BARE + "/api"),
        ("anthropic_messages", "provider_default", BARE, "", "anthropic_messages", BARE),
        ("anthropic_messages", "openai_chat", BARE, "", "openai_chat", V1),
        ("anthropic_messages", "openai_chat", BARE, "https://o.example/v1", "openai_chat", "https://o.example/v1"),
        ("anthropic_messages", "anthropic_messages", BARE + "/", "https://o.example", "anthropic_messages", BARE),
    ],
)
def test_protocol_and_base_url_of_a_route(provider, override, base, other, protocol, resolved):
    assert route_protocol(route=override, provider=provider) == protocol
    url = route_base_url(protocol=protocol, provider_protocol=provider, base_url=base, other_base_url=other)
    assert url == resolved


def test_a_row_says_which_protocols_a_client_may_use():
    provider = provider_make()
    model_make("chat", provider=provider)
    both = model_make("both", provider=provider)
    Route.objects.create(model=both, provider=provider, upstream_model="u", protocol="anthropic_messages")
    assert [row.protocols for row in catalog_list()] == [
        ("openai_chat",),
        ("openai_chat", "anthropic_messages"),
    ]
    converting = catalog_list(conversions={("anthropic_messages", "openai_chat")})
    assert [row.protocols for row in converting] == [("openai_chat", "anthropic_messages")] * 2
    assert docs_model() == "both"
    assert docs_model(protocol="openai_chat") == "chat"
    assert docs_model(protocol="anthropic_messages") == "both"


def test_documentation_without_a_catalog_has_no_model():
    assert docs_model() is None


def test_a_row_carries_the_long_context_step():
    model = model_make(provider=provider_make(), priced=False, display_name="Em", capabilities=["tools"])
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    price_make(model, long_context_above_tokens=200, **{f"long_{name}_nanos": 123 for name in names})
    (row,) = catalog_list()
    assert row.long_context is not None
    assert (row.long_context.above_tokens, row.long_context.output_usd) == (200, "0.000000123")
    assert (row.display_name, row.capabilities, row.free) == ("Em", ("tools",), False)


def test_names_outlive_the_sale():
    model = model_make(priced=False)
    assert model_names(ids=[model.id, 0]) == {model.id: "m"}


def test_staff_say_which_models_come_first():
    provider = provider_make()
    for public_id, position in (("last", 200), ("first", 1), ("second", 1)):
        model_make(public_id, provider=provider, position=position)
    assert [row.public_id for row in catalog_list()] == ["first", "second", "last"]


def test_a_price_is_a_change_where_another_came_before():
    model = model_make(provider=provider_make())
    assert catalog_list()[0].price_changed_at is None
    newer = price_make(model, 30)
    assert catalog_list()[0].price_changed_at == newer.effective_from
