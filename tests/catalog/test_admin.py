"""Staff's pages: what they may change, and what they never see."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from catalog.models import Model, Price, Provider, Route

pytestmark = pytest.mark.django_db
CANARY = "sk-canary-upstream-0123456789wxyz"


@pytest.fixture
def staff(client):
    user = get_user_model().objects.create_superuser(email="staff@example.com", password="a-long-password")
    client.force_login(user)
    return client


@pytest.fixture
def provider():
    return Provider.objects.create(
        slug="p", name="P", base_url="https://p.example/v1", protocol="openai_chat", credential=CANARY
    )


@pytest.fixture
def model(provider):
    model = Model.objects.create(public_id="m-1", context_tokens=1000, max_output_tokens=100, capabilities=["tools"])
    Route.objects.create(model=model, provider=provider, upstream_model="u", cost_input_nanos=70_000_000)
    return model


@pytest.fixture
def price(model):
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    return Price.objects.create(model=model, **{f"{name}_nanos": 3_000_000_000 for name in names})


def url(name, *args):
    return reverse(f"admin:catalog_{name}", args=args)


PROVIDER_FORM = {
    "slug": "p",
    "name": "P",
    "base_url": "https://p.example/v1",
    "protocol": "openai_chat",
    "enabled": "on",
}


def provider_post(staff, provider, **fields):
    return staff.post(url("provider_change", provider.pk), PROVIDER_FORM | fields)


@pytest.mark.parametrize("name", ["provider", "model", "price", "route"])
@pytest.mark.parametrize("page", ["changelist", "add", "change", "history"])
def test_every_page_opens_and_no_page_shows_a_credential(staff, price, name, page):
    rows = {"provider": price.model.routes.get().provider, "model": price.model, "price": price}
    row = rows.get(name) or price.model.routes.get()
    answer = staff.get(url(f"{name}_{page}", *([row.pk] if page in {"change", "history"} else [])))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "canary" not in text
    assert Provider.objects.get().credential.sealed not in text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]


def test_staff_see_only_the_end_of_a_credential(staff, provider):
    text = staff.get(url("provider_change", provider.pk)).content.decode()
    assert "set, ends in wxyz" in text
    assert CANARY not in text


def test_an_empty_field_keeps_the_credential(staff, provider):
    assert provider_post(staff, provider, name="New name").status_code == 302
    provider.refresh_from_db()
    assert (provider.name, provider.credential.reveal()) == ("New name", CANARY)


def test_a_credential_is_replaced_and_forgotten(staff, provider):
    assert provider_post(staff, provider, credential_new=" sk-new ").status_code == 302
    provider.refresh_from_db()
    assert provider.credential.reveal() == "sk-new"
    assert provider_post(staff, provider, credential_forget="on").status_code == 302
    provider.refresh_from_db()
    assert not provider.credential
    assert provider_post(staff, provider, credential_new="a b").status_code == 200
    assert provider_post(staff, provider, credential_new="x", credential_forget="on").status_code == 200


def test_a_refused_form_does_not_echo_the_credential(staff, provider):
    answer = provider_post(staff, provider, base_url="ftp://x", credential_new=CANARY)
    assert answer.status_code == 200
    assert "canary" not in answer.content.decode()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://169.254.169.254/v1", "private, loopback or reserved"),
        ("http://p.example/v1", "must start with https://"),
        ("https://user:pw@p.example", "user name or password"),
    ],
)
def test_addresses_are_checked(staff, provider, settings, address, message):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    answer = provider_post(staff, provider, base_url=address)
    assert message in answer.content.decode()


def price_post(staff, model, **fields):
    return staff.post(url("price_add"), {"model": model.pk} | fields)


def test_a_price_is_added_in_dollars_and_takes_the_place_of_the_old_one(staff, model, price):
    form = staff.get(url("price_add")).content.decode()
    assert "$0.0135" in form  # the worked example
    assert price_post(staff, model, input_nanos="3.5", output_nanos="$15").status_code == 302
    newest = Price.objects.first()
    assert newest is not None
    assert (newest.input_nanos, newest.output_nanos) == (3_500_000_000, 15_000_000_000)
    assert newest.cache_read_nanos == newest.cache_write_1h_nanos == 3_500_000_000
    assert Price.objects.count() == 2
    assert "2,000 input and 500 output tokens cost $0.0145" in staff.get(url("price_changelist")).content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input_nanos": "0", "output_nanos": "0"}, "A price of 0 needs the free tick"),
        ({"input_nanos": "1", "output_nanos": "0", "free": "on"}, "A price of 0 needs the free tick"),
        ({"input_nanos": "-1", "output_nanos": "1"}, "A price cannot be negative"),
        ({"input_nanos": "0.1234567891", "output_nanos": "1"}, "more than nine decimal places"),
        ({"input_nanos": "1000001", "output_nanos": "1"}, "At most 1000000.00 dollars"),
        ({"input_nanos": "abc", "output_nanos": "1"}, "not an amount of dollars"),
        ({"output_nanos": "1"}, "This field is required"),
        ({"input_nanos": "1", "output_nanos": "1", "long_input_nanos": "2"}, "Long context: the threshold and all"),
    ],
)
def test_prices_that_make_no_sense_are_refused_with_a_reason(staff, model, fields, message):
    answer = price_post(staff, model, **fields)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not Price.objects.exists()


def test_the_free_tick_alone_is_enough(staff, model):
    assert price_post(staff, model, free="on").status_code == 302
    assert Price.objects.get().free
    assert Price.objects.get().input_nanos == 0


def test_a_price_in_the_past_is_in_force_at_once(staff, model, price):
    fields = {"effective_from_0": "2020-01-01", "effective_from_1": "00:00:00"}
    assert price_post(staff, model, input_nanos="4", output_nanos="4", **fields).status_code == 302
    newest = Price.objects.first()
    assert newest is not None
    assert newest.input_nanos == 4_000_000_000


def test_a_price_can_be_neither_changed_nor_deleted(staff, price):
    assert staff.post(url("price_change", price.pk), {"input_nanos": "1"}).status_code == 403
    assert staff.post(url("price_delete", price.pk), {"post": "yes"}).status_code == 403
    staff.post(url("price_changelist"), {"action": "delete_selected", "_selected_action": [price.pk], "post": "yes"})
    staff.post(url("model_delete", price.model_id), {"post": "yes"})
    assert Price.objects.get().input_nanos == 3_000_000_000


def test_the_list_of_models_says_what_is_not_sold_and_why(staff, model, provider):
    page = url("model_changelist")
    assert "no: no price in force" in staff.get(page).content.decode()
    assert "m-1" in staff.get(page, {"sellable": "no"}).content.decode()
    assert "m-1</a>" not in staff.get(page, {"sellable": "yes"}).content.decode()


def test_a_model_is_edited_with_its_routes(staff, model, price):
    route = model.routes.get()
    fields = {
        "display_name": "Em",
        "context_tokens": "2000",
        "max_output_tokens": "100",
        "position": "7",
        "capabilities": ["tools", "json"],
        "listed": "on",
        "routes-TOTAL_FORMS": "1",
        "routes-INITIAL_FORMS": "1",
        "routes-0-id": route.pk,
        "routes-0-model": model.pk,
        "routes-0-provider": route.provider_id,
        "routes-0-upstream_model": "u2",
        "routes-0-protocol": "openai_chat",
        "routes-0-priority": "2",
        "routes-0-weight": "1",
        "prices-TOTAL_FORMS": "0",
        "prices-INITIAL_FORMS": "0",
    }
    answer = staff.post(url("model_change", model.pk), fields)
    assert answer.status_code == 302, answer.content.decode()
    model.refresh_from_db()
    route.refresh_from_db()
    assert (model.capabilities, model.context_tokens, model.position) == (["tools", "json"], 2000, 7)
    assert (route.upstream_model, route.enabled, route.cost_input_nanos) == ("u2", False, 70_000_000)


def test_the_cost_of_a_route_is_in_dollars(staff, model):
    route = model.routes.get()
    page = url("route_change", route.pk)
    assert 'value="0.07"' in staff.get(page).content.decode()
    fields = {
        "model": model.pk,
        "provider": route.provider_id,
        "upstream_model": "u",
        "protocol": "provider_default",
        "priority": "1",
        "weight": "1",
        "enabled": "on",
        "cost_input_nanos": "0.08",
        "cost_output_nanos": "",
        "cost_cache_read_nanos": "",
    }
    assert staff.post(page, fields | {"cost_output_nanos": "-1"}).status_code == 200
    assert staff.post(page, fields).status_code == 302
    route.refresh_from_db()
    assert (route.cost_input_nanos, route.cost_output_nanos) == (80_000_000, 0)
    assert route.cost_cache_read_nanos == 80_000_000
