"""The tables refuse what may not be, whoever writes: these tests go around every service."""

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from psycopg import sql

from catalog.models import Model, Price, Provider, Route

pytestmark = pytest.mark.django_db


@pytest.fixture
def model():
    return Model.objects.create(public_id="m-1", context_tokens=1000, max_output_tokens=100)


@pytest.fixture
def provider():
    return Provider.objects.create(
        slug="p", name="P", base_url="https://p.example/v1", protocol="openai_chat", credential="sk-upstream"
    )


def refused(write, *names: str):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        write()
    assert any(name in str(caught.value) for name in names), caught.value


RATES = {
    "input_nanos": 100,
    "output_nanos": 400,
    "cache_read_nanos": 10,
    "cache_write_5m_nanos": 125,
    "cache_write_1h_nanos": 200,
}
LONG = {"long_context_above_tokens": 200} | {f"long_{name}": 2 * value for name, value in RATES.items()}
ZERO = dict.fromkeys(RATES, 0)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        *[(RATES | {name: -1}, "price_not_negative") for name in RATES],
        (ZERO, "price_zero_only_if_free"),
        (ZERO | {"cache_read_nanos": 5}, "price_zero_only_if_free"),
        (RATES | {"free": True}, "price_zero_only_if_free"),
        (ZERO | {"free": True, "cache_read_nanos": 1}, "price_zero_only_if_free"),
        (ZERO | LONG | {"free": True}, "price_zero_only_if_free"),
        *[(RATES | LONG | {name: None}, "price_long_context_whole") for name in LONG],
        *[(RATES | LONG | {name: -1}, "price_long_context_whole") for name in LONG if name.endswith("nanos")],
        (RATES | LONG | {"long_input_nanos": 0, "long_output_nanos": 0}, "price_long_context_whole"),
        (RATES | {"long_input_nanos": 5}, "price_long_context_whole"),
        (RATES | {"input_nanos": None}, "input_nanos"),
    ],
)
def test_prices_that_make_no_sense_are_refused(model, columns, constraint):
    refused(lambda: Price.objects.create(model=model, **columns), constraint)


@pytest.mark.parametrize("columns", [RATES, RATES | LONG, ZERO | {"free": True}, RATES | {"cache_read_nanos": 0}])
def test_prices_that_make_sense_are_kept(model, columns):
    Price.objects.create(model=model, **columns)


@pytest.mark.parametrize(
    "statement", ["UPDATE catalog_price SET input_nanos = 1", "DELETE FROM catalog_price", "TRUNCATE catalog_price"]
)
def test_a_price_version_is_final(model, statement):
    Price.objects.create(model=model, **RATES)
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="never changed or removed"), transaction.atomic():
        connection.cursor().execute(statement)
    assert Price.objects.get().input_nanos == RATES["input_nanos"]


def test_a_model_with_prices_stays(model):
    Price.objects.create(model=model, **RATES)
    refused(
        lambda: connection.cursor().execute("DELETE FROM catalog_model; SET CONSTRAINTS ALL IMMEDIATE"), "catalog_price"
    )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"public_id": "with space"}, "model_public_id_plain"),
        ({"public_id": ""}, "model_public_id_plain"),
        ({"public_id": "bad\nid"}, "model_public_id_plain"),
        ({"public_id": "ünïcode"}, "model_public_id_plain"),
        ({"public_id": "m-1"}, "public_id"),
        ({"context_tokens": 0}, "model_limits_make_sense"),
        ({"max_output_tokens": 0}, "model_limits_make_sense"),
        ({"max_output_tokens": 1001}, "model_limits_make_sense"),
        ({"capabilities": ["flying"]}, "model_capabilities_known"),
        ({"capabilities": "tools"}, "model_capabilities_list"),
        ({"capabilities": {"tools": True}}, "model_capabilities"),
    ],
)
def test_models_that_make_no_sense_are_refused(model, change, constraint):
    columns = {"public_id": "m-2", "context_tokens": 1000, "max_output_tokens": 100} | change
    refused(lambda: Model.objects.create(**columns), constraint)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"slug": "Bad Slug"}, "provider_slug_plain"),
        ({"slug": "p"}, "slug"),
        ({"protocol": "gopher"}, "provider_protocol_known"),
        ({"auth_style": "basic"}, "provider_auth_style_known"),
        ({"base_url": ""}, "provider_base_url_given"),
        ({"connect_seconds": 0}, "provider_timeouts_positive"),
        ({"idle_seconds": -1}, "provider_timeouts_positive"),
    ],
)
def test_providers_that_make_no_sense_are_refused(provider, change, constraint):
    columns = {"slug": "p-2", "name": "P", "base_url": "https://p.example/v1", "protocol": "openai_chat"} | change
    refused(lambda: Provider.objects.create(**columns), constraint)


def test_a_plain_credential_cannot_be_written_around_the_field(provider):
    refused(
        lambda: connection.cursor().execute("UPDATE catalog_provider SET credential = 'sk-plain'"),
        "provider_credential_sealed",
    )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"weight": 0}, "route_weight_positive"),
        ({"weight": -1}, "weight"),
        ({"protocol": "gopher"}, "route_protocol_known"),
        ({"upstream_model": ""}, "route_upstream_model_given"),
        ({"cost_output_nanos": -1}, "route_cost_not_negative"),
        ({}, "route_once"),
    ],
)
def test_routes_that_make_no_sense_are_refused(model, provider, change, constraint):
    Route.objects.create(model=model, provider=provider, upstream_model="u")
    columns = {"model": model, "provider": provider, "upstream_model": "u"} | change
    refused(lambda: Route.objects.create(**columns), constraint)


@pytest.mark.parametrize("table", ["provider", "model", "price", "route"])
def test_every_table_tells_who_listens(table, database):
    """Committed writes, seen by another connection; an update of no row tells too, so the trigger needs no rows."""
    parameters = connection.get_connection_params()
    names = {"dbname", "user", "password", "host", "port"}
    dsn = {name: value for name, value in parameters.items() if name in names}
    with psycopg.connect(**dsn, autocommit=True) as listener, psycopg.connect(**dsn, autocommit=True) as writer:
        listener.execute("LISTEN catalog")
        name = sql.Identifier(f"catalog_{table}")
        writer.execute(sql.SQL("UPDATE {} SET id = id WHERE false").format(name))
        assert [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)] == [""]
