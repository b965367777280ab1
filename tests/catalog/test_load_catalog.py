"""`load_catalog`: everything is checked before anything is written, and a second run writes nothing."""

import copy
import io
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Model, Price, Provider, Route
from catalog.selectors import catalog_list, snapshot_load
from catalog.services import CatalogInvalid, catalog_load

pytestmark = pytest.mark.django_db

ISSUE_FORM = """
providers:
  - slug: local
    name: Local llama.cpp
    base_url: http://127.0.0.1:9911/v1
    protocol: openai_chat            # or anthropic_messages
    api_key_env: LOCAL_API_KEY       # or api_key: …
models:
  - id: smollm2-135m
    description: Small local model for trying things out
    context_tokens: 8192
    max_output_tokens: 2048
    price: {input: "0.10", output: "0.40", cache_read: "0.01", cache_write_5m: "0.125", cache_write_1h: "0.20"}
    routes:
      - {provider: local, upstream_model: smollm2, protocol: provider_default, priority: 1}
"""
KEY = "sk-canary-upstream-0123456789"
WITH_KEY = {"LOCAL_API_KEY": KEY}
EXAMPLE = Path(settings.BASE_DIR) / "docs" / "catalog.example.yaml"


@pytest.fixture
def document():
    return yaml.safe_load(ISSUE_FORM)


@pytest.fixture
def run(tmp_path, settings):
    """The command on a text, with an environment: its output."""

    def run(text=ISSUE_FORM, *options, environment=WITH_KEY):
        settings.UPSTREAM_API_KEYS = environment
        file = tmp_path / "catalog.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        out = io.StringIO()
        call_command("load_catalog", str(file), *options, stdout=out)
        return out.getvalue()

    return run


def refused(run, text, **options):
    with pytest.raises(CommandError) as caught:
        run(text, **options)
    return str(caught.value)


def test_the_form_of_the_documentation_is_sold(run):
    out = run()
    assert out.splitlines() == [
        "provider local: added",
        "provider local: credential set",
        "model smollm2-135m: added",
        (
            "model smollm2-135m: new price version: input 0.10, output 0.40, cache_read 0.01, cache_write_5m 0.125,"
            " cache_write_1h 0.20"
        ),
        "model smollm2-135m: route local/smollm2 (provider_default): added",
    ]
    model = snapshot_load().models["smollm2-135m"]
    assert model.pricing.rates.cache_write_5m == 125_000_000
    assert [(route.base_url, route.protocol, route.provider.credential) for route in model.routes] == [
        ("http://127.0.0.1:9911/v1", "openai_chat", KEY)
    ]
    assert KEY not in out
    assert KEY not in repr(model)


def test_a_second_run_writes_nothing(run):
    run()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert run() == "nothing changed\n"
    writes = [query["sql"] for query in queries if query["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]
    assert writes == []


def test_a_dry_run_says_the_same_and_writes_nothing(run):
    dry = run(ISSUE_FORM, "--dry-run")
    assert not Provider.objects.exists()
    assert not Model.objects.exists()
    assert dry == run() + "dry run: nothing was written\n"
    assert run(ISSUE_FORM, "--dry-run") == "nothing changed\n"


def test_a_changed_price_is_a_new_version_and_the_old_one_stays(run):
    run()
    out = run(ISSUE_FORM.replace('input: "0.10"', "input: 0.12"))
    assert out == "model smollm2-135m: new price version: input 0.10 -> 0.12\n"
    assert sorted(Price.objects.values_list("input_nanos", flat=True)) == [100_000_000, 120_000_000]
    assert catalog_list()[0].input_usd == "0.12"


def test_changes_are_told_line_by_line_and_credentials_never(run):
    run()
    text = ISSUE_FORM.replace("9911", "9912").replace("8192", "4096").replace("priority: 1", "priority: 2, weight: 3")
    out = run(text, environment={"LOCAL_API_KEY": "sk-another-key-of-the-provider"})
    assert out.splitlines() == [
        "provider local: base_url http://127.0.0.1:9911/v1 -> http://127.0.0.1:9912/v1",
        "provider local: credential set",
        "model smollm2-135m: context_tokens 8192 -> 4096",
        "model smollm2-135m: route local/smollm2 (provider_default): priority 1 -> 2",
        "model smollm2-135m: route local/smollm2 (provider_default): weight 1 -> 3",
    ]
    assert Provider.objects.get().credential.reveal() == "sk-another-key-of-the-provider"


def test_a_route_no_longer_listed_is_switched_off_and_comes_back(run):
    run()
    other = ISSUE_FORM.replace("upstream_model: smollm2,", "upstream_model: smollm3,")
    assert run(other).splitlines() == [
        "model smollm2-135m: route local/smollm3 (provider_default): added",
        "model smollm2-135m: route local/smollm2 (provider_default): switched off, as the document does not name it",
    ]
    assert run(other) == "nothing changed\n"
    assert set(Route.objects.values_list("upstream_model", "enabled")) == {("smollm2", False), ("smollm3", True)}
    assert "route local/smollm2 (provider_default): enabled no -> yes" in run()


def test_a_missing_variable_leaves_the_model_unlisted_and_is_said(run):
    out = run(environment={})
    assert "note: provider local: LOCAL_API_KEY is not set, so it has no credential" in out
    assert catalog_list() == []
    assert snapshot_load().models == {}
    assert run().splitlines() == ["provider local: credential set"]
    assert [row.public_id for row in catalog_list()] == ["smollm2-135m"]


def test_a_missing_variable_never_wipes_a_credential(run):
    run()
    assert run(environment={"LOCAL_API_KEY": "  "}).splitlines() == [
        "note: provider local: LOCAL_API_KEY is not set, so its credential stays",
        "nothing changed",
    ]
    assert Provider.objects.get().credential.reveal() == KEY


def test_parts_left_out_stay_as_they_are(run, document):
    run()
    assert (
        catalog_load(
            {
                "models": [
                    {
                        key: document["models"][0][key]
                        for key in ("id", "description", "context_tokens", "max_output_tokens")
                    }
                ]
            },
            environment={},
        )
        == []
    )
    assert catalog_load({"providers": document["providers"]}, environment=WITH_KEY) == []
    assert len(catalog_list()) == 1


def test_every_optional_key(document):
    provider, model = document["providers"][0], document["models"][0]
    del provider["api_key_env"]
    provider |= {
        "api_key": KEY,
        "public_name": "Local",
        "auth_style": "x-api-key",
        "other_base_url": "http://127.0.0.1:9911/anthropic/",
        "timeouts": {"connect": 0.5, "first_content": 60, "idle": "1.25"},
        "bills_on_disconnect": True,
        "enabled": True,
    }
    model |= {"display_name": "Small", "capabilities": ["tools", "json"], "listed": False}
    model["price"] = {
        "input": 1,
        "output": Decimal("2.5"),
        "long_context": {"above_tokens": 100, "input": "2", "output": "4", "cache_read": "0.5"},
    }
    model["routes"][0] |= {"weight": 7, "enabled": True, "cost": {"input": "0.5", "output": 1}}
    model["routes"].append({"provider": "local", "upstream_model": "x", "protocol": "anthropic_messages"})
    catalog_load(document, environment={})
    assert catalog_load(document, environment={}) == []
    sold = snapshot_load().models["smollm2-135m"]
    first, second = sold.routes
    assert (first.provider.connect_seconds, first.provider.idle_seconds) == (0.5, 1.25)
    assert (first.provider.auth_style, first.provider.bills_on_disconnect) == ("x-api-key", True)
    assert second.base_url == "http://127.0.0.1:9911/anthropic"
    assert first.cost.rates.cache_read == 500_000_000  # absent: the cost of input
    assert sold.pricing.rates.cache_read == 1_000_000_000  # absent: the input price, never 0
    assert sold.pricing.long_context_rates is not None
    assert sold.pricing.long_context_rates.cache_read == 500_000_000
    assert sold.pricing.long_context_rates.cache_write_1h == 2_000_000_000
    assert catalog_list() == []  # not listed, and still sold to who knows it


def test_free_is_an_explicit_tick(document):
    document["models"][0]["price"] = {"free": True}
    catalog_load(document, environment=WITH_KEY)
    assert catalog_list()[0].free
    assert catalog_list()[0].input_usd == "0.00"


PRICE = "models[0].price"
FAULTS = [
    ("models[0].price.input", "-0.10", f"{PRICE}.input: must not be negative"),
    ("models[0].price.input", "0.1234567891", f"{PRICE}.input: '0.1234567891' has more than nine decimal places"),
    ("models[0].price.input", 0.1234567891, f"{PRICE}.input: '0.1234567891' has more than nine decimal places"),
    ("models[0].price.input", float("nan"), f"{PRICE}.input: 'NaN' is not an amount of dollars"),
    ("models[0].price.input", float("inf"), f"{PRICE}.input: 'Infinity' is not an amount of dollars"),
    ("models[0].price.input", "1e3", f"{PRICE}.input: '1e3' is not an amount of dollars"),
    ("models[0].price.input", True, f"{PRICE}.input: must be an amount of dollars"),
    ("models[0].price.input", [], f"{PRICE}.input: must be an amount of dollars"),
    ("models[0].price.input", 10**30, f"{PRICE}.input: 'too large' is not an amount of dollars"),
    ("models[0].price.input", "1000000.01", f"{PRICE}.input: must be at most 1000000.00 dollars per million tokens"),
    ("models[0].price.input", None, f"{PRICE}.input: is missing"),
    ("models[0].price.inptu", "1", f"{PRICE}.inptu: unknown key"),
    ("models[0].price", {"input": 0, "output": "0.00"}, f"{PRICE}: a price of 0 needs free: true"),
    ("models[0].price.free", True, f"{PRICE}.free: means that every price is 0"),
    ("models[0].price.long_context", {"input": 1, "output": 2}, f"{PRICE}.long_context.above_tokens: is missing"),
    ("models[0].price.long_context", {"above_tokens": 9, "input": 0, "output": 0},
     f"{PRICE}.long_context: a price of 0 is refused"),
    ("models[0].id", "with space", "models[0].id: must be letters, digits and . _ - / :, at most 128"),
    ("models[0].id", "id\n", None),
    ("models[0].id", 5, "models[0].id: must be text (in quotes, if it looks like something else)"),
    ("models[0].context_tokens", 0, "models[0].context_tokens: must be a whole number from 1 to 2147483647"),
    ("models[0].context_tokens", 2**63, "models[0].context_tokens: must be a whole number from 1 to 2147483647"),
    ("models[0].context_tokens", "8192", "models[0].context_tokens: must be a whole number from 1 to 2147483647"),
    ("models[0].max_output_tokens", 9000,
     "models[0].max_output_tokens: is part of the context, so at most context_tokens"),
    ("models[0].capabilities", ["flying"],
     ("models[0].capabilities: must be a list of "
      "image, audio, file, tools, json, reasoning, cache, embeddings, each once")),
    ("models[0].listed", "yes", "models[0].listed: must be true or false"),
    ("models[0].description", "a\x00b", "models[0].description: must not hold control characters"),
    ("models[0].routes[0].provider", "nobody",
     "models[0].routes[0].provider: no provider nobody in the document or the catalog"),
    ("models[0].routes[0].protocol", "gopher",
     "models[0].routes[0].protocol: must be one of provider_default, openai_chat, anthropic_messages"),
    ("models[0].routes[0].weight", 0, "models[0].routes[0].weight: must be a whole number from 1 to 32767"),
    ("models[0].routes[0].cost", {"input": "-1"}, "models[0].routes[0].cost.input: must not be negative"),
    ("models[0].routes", "local", "models[0].routes: must be a list"),
    ("models", {}, "models: must be a list"),
    ("models[0]", "x", "models[0]: must be a mapping of keys to values"),
    ("modles", [], "modles: unknown key"),
    ("providers[0].slug", "Bad Slug", "providers[0].slug: must be lower-case letters, digits, - and _, at most 50"),
    ("providers[0].protocol", "gopher", "providers[0].protocol: must be one of openai_chat, anthropic_messages"),
    ("providers[0].protocol", "anthropic_messages",
     "providers[0].base_url: goes without /v1 for anthropic_messages"),
    ("providers[0].base_url", "ftp://x", "providers[0].base_url: must start with http:// or https://"),
    ("providers[0].api_key", "sk-canary", "providers[0].api_key_env: goes without api_key: give one of the two"),
    ("providers[0].api_key_env", "A B", "providers[0].api_key_env: must be the name of a variable"),
    ("providers[0].timeouts", {"idle": -1},
     "providers[0].timeouts.idle: must be seconds above 0, at most 3600, with at most three decimal places"),
    ("providers[0].timeouts", {"read": 1}, "providers[0].timeouts.read: unknown key"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_faults_carry_their_path(document, path, value, message):
    catalog_put(document, path, value)
    if message is None:
        catalog_load(document, environment=WITH_KEY)
        return
    with pytest.raises(CatalogInvalid) as caught:
        catalog_load(document, environment=WITH_KEY)
    assert caught.value.errors == [message]
    assert not Provider.objects.exists()


def catalog_put(document, path, value):
    """Set the value at a path such as `models[0].price.input`."""
    *steps, last = path.replace("[", ".").replace("]", "").split(".")
    for step in steps:
        document = document[int(step) if step.isdigit() else step]
    document[int(last) if last.isdigit() else last] = value


def test_all_faults_are_told_at_once_and_nothing_is_written(document):
    document["models"].append(copy.deepcopy(document["models"][0]))
    document["providers"].append(copy.deepcopy(document["providers"][0]))
    document["models"][0]["routes"] *= 2
    document["models"][1]["price"]["output"] = "-1"
    del document["models"][1]["context_tokens"]
    with pytest.raises(CatalogInvalid) as caught:
        catalog_load(document, environment=WITH_KEY)
    assert sorted(caught.value.errors) == [
        "models[0].routes[1]: is the same route as models[0].routes[0]",
        "models[1].context_tokens: is missing",
        "models[1].id: smollm2-135m is already models[0]",
        "models[1].price.output: must not be negative",
        "providers[1].slug: local is already providers[0]",
    ]
    assert not Model.objects.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping"),
        ("[]", "must be a mapping"),
        ("providers: [", "expected the node content"),
        ("a: 1\na: 2", "key a is there twice"),
        ("providers: [{slug: a, slug: b}]", "key slug is there twice"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("providers: []\n---\nmodels: []", "found another document"),
        (b"\xff\xfe\x00", "no YAML text in UTF-8"),
        (b"a: \xc3\x28", "no YAML text in UTF-8"),
        ("a: \x00", "no YAML text in UTF-8"),
        ("[" * 3000, "nested too deeply"),
        ("providers: " + "9" * 5000, "no YAML text in UTF-8"),
        ("providers: &a [*a]", "must be a mapping of keys"),
    ],
)
def test_files_that_are_no_catalog(run, text, said):
    assert said in refused(run, text)


def test_a_float_is_read_as_it_was_written(run):
    run(ISSUE_FORM.replace('"0.125"', "0.000000001"))
    assert Price.objects.get().cache_write_5m_nanos == 1
    assert "more than nine decimal places" in refused(run, ISSUE_FORM.replace('"0.125"', "0.1000000000000000000001"))


@pytest.mark.parametrize(
    "text", ["api_key: sk canary", "api_key: [sk-canary]", "apikey: sk-canary", "api_key: {sk-canary"]
)
def test_no_fault_quotes_a_key(run, text):
    assert "canary" not in refused(run, ISSUE_FORM.replace("api_key_env: LOCAL_API_KEY", text))


def test_a_missing_file_is_one_clear_line():
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_catalog", "/nowhere/catalog.yaml")


def test_private_addresses_are_refused_unless_allowed(document, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    with pytest.raises(CatalogInvalid) as caught:
        catalog_load(document, environment=WITH_KEY)
    assert caught.value.errors == ["providers[0].base_url: must start with https://"]


@pytest.mark.parametrize("with_keys", [True, False])
def test_the_example_loads(run, settings, with_keys):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    text = EXAMPLE.read_text()
    names = [entry["api_key_env"] for entry in yaml.safe_load(text)["providers"]]
    environment = {name: f"key-of-{name}-0123456789" for name in names} if with_keys else {}
    run(text, environment=environment)
    assert run(text, environment=environment).endswith("nothing changed\n")
    listed = [row.public_id for row in catalog_list()]
    assert listed == ([entry["id"] for entry in yaml.safe_load(text)["models"]] if with_keys else [])
    if with_keys:
        assert listed[:2] == ["qwen3.6-plus", "claude-sonnet-4-20250514"]
