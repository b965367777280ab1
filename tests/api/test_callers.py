"""Who may call what: every endpoint for no key, a wrong one, a lost one, a scope too few, and a role that shrank."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.management_keys import SCOPES, management_key_revoke, management_keys_list
from accounts.models import ManagementKey, Membership, User
from accounts.services import api_key_create
from tests.api.programs import Program, error_of, program
from tests.tokenoutput.pages import member, visitor
from tokenoutput.api.keyed import KeyedView
from tokenoutput.api.urls import urlpatterns

pytestmark = pytest.mark.django_db
VALUES = {"int": "999999999", "path": "x", "uuid": "00000000-0000-7000-8000-000000000000", "str": "x", "slug": "x"}


def endpoints():
    """Every method of every view that takes a management key, with the scope it needs."""
    for entry in urlpatterns:
        view = entry.callback.view_class
        if issubclass(view, KeyedView):
            path = str(entry.pattern)
            for name, converter in entry.pattern.converters.items():
                kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
                path = path.replace(f"<{kind}:{name}>", VALUES[kind]).replace(f"<{name}>", VALUES["str"])
            for method in view.needs:
                yield method.lower(), path, view.needs[method]


ENDPOINTS = list(endpoints())


def statuses(asking, endpoints=ENDPOINTS):
    return {(method, path): asking.ask(method, path).status_code for method, path, _scope in endpoints}


@pytest.fixture
def ada():
    return visitor()


def test_every_method_has_a_scope():
    for entry in urlpatterns:
        view = entry.callback.view_class
        if issubclass(view, KeyedView):
            methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
            assert methods == set(view.needs), view
            assert set(view.needs.values()) <= set(SCOPES), view


def test_no_key_and_wrong_keys_get_401(ada):
    secrets = {"none": "", "other": "Basic YTpi", "foreign": "Bearer sk-or-v1-123", "short": "Bearer sk-mgmt-1"}
    secrets["changed"] = f"Bearer {program(ada).secret[:-1]}é"
    for name, header in secrets.items():
        for method, path, _scope in ENDPOINTS:
            answer = getattr(Client(), method)(f"/api/v1/{path}", headers={"Authorization": header})
            assert answer.status_code == 401, (name, method, path)
            assert error_of(answer)["reason"] == "unauthenticated"
            assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_cookie_is_no_key(ada):
    for method, path, _scope in ENDPOINTS:
        assert getattr(ada.client, method)(f"/api/v1/{path}").status_code == 401


def test_an_api_key_manages_nothing(ada):
    secret = api_key_create(organization_id=ada.organization.id, name="infers").secret
    asked = [endpoint for endpoint in ENDPOINTS if endpoint[1] != "generation"]  # It sees its own: test_usage.
    assert set(statuses(Program(secret), asked).values()) == {401}
    answer = Program(secret).get("credits")
    assert "management key" in answer.json()["error"]["message"]


def test_a_scope_too_few_gets_403(ada):
    for method, path, scope in ENDPOINTS:
        others = [name for name in SCOPES if name.partition(":")[0] != scope.partition(":")[0]]
        answer = program(ada, *others).ask(method, path)
        assert answer.status_code == 403, (method, path)
        assert error_of(answer)["reason"] == "scope_missing"
        assert error_of(answer)["scope"] == scope
        ManagementKey.objects.all().delete()


def test_reading_comes_with_writing_and_not_the_other_way(ada):
    reads = [(method, path, scope) for method, path, scope in ENDPOINTS if scope.endswith(":read")]
    writer = program(ada, *(scope for scope in SCOPES if scope.endswith(":write")), "usage:read")
    assert 403 not in statuses(writer, reads).values()
    writes = [(method, path, scope) for method, path, scope in ENDPOINTS if scope.endswith(":write")]
    reader = program(ada, *(scope for scope in SCOPES if scope.endswith(":read")))
    assert set(statuses(reader, writes).values()) == {403}


def test_who_became_a_viewer_only_reads(ada):
    bo = member(ada, role="admin")
    asking = program(bo)
    assert 403 not in statuses(asking).values()
    Membership.objects.filter(id=bo.organization.member_id).update(role="viewer")
    for method, path, scope in ENDPOINTS:
        refused = asking.ask(method, path).status_code == 403
        assert refused == scope.endswith(":write"), (method, path)


@pytest.mark.parametrize("lost", ["revoked", "expired", "left", "deactivated", "elsewhere"])
def test_a_lost_key_gets_401(ada, lost):
    bo = member(ada, role="admin")
    asking = program(bo, allowed_ips=("203.0.113.0/24",) if lost == "elsewhere" else ())
    key = management_keys_list(organization_id=ada.organization.id)[0]
    if lost == "revoked":
        management_key_revoke(
            organization_id=ada.organization.id, management_key_id=key.id, member_id=ada.organization.member_id
        )
    elif lost == "expired":
        long_ago = timezone.now() - timedelta(days=9)
        ManagementKey.objects.filter(id=key.id).update(created_at=long_ago, expires_at=timezone.now())
    elif lost == "left":
        Membership.objects.filter(id=bo.organization.member_id).delete()
    elif lost == "deactivated":
        User.objects.filter(id=bo.user.pk).update(is_active=False)
    assert set(statuses(asking).values()) == {401}


def test_too_many_requests_get_429(ada, monkeypatch):
    monkeypatch.setattr("tokenoutput.api.throttles.PerKey.get_rate", lambda _self: "3/min")
    asking, other = program(ada), program(ada)
    assert [asking.get("credits").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = asking.get("organization")
    assert error_of(answer)["reason"] == "rate_limited"
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert other.get("credits").status_code == 200


def test_methods_and_bodies_that_cannot_be(ada):
    asking = program(ada)
    assert error_of(asking.ask("delete", "credits"))["reason"] == "method_not_allowed"
    answer = asking.client.post(
        "/api/v1/credits/checkout", {"amount_usd": "5"}, headers={"Authorization": f"Bearer {asking.secret}"}
    )
    assert answer.status_code == 415
    assert error_of(answer)["reason"] == "unsupported_media_type"
    for body in ("{", "[" * 100_000, '{"amount_usd": NaN}', b"\xff", '{"a": "\\ud800"}'):
        answer = asking.post("credits/checkout", body)
        assert answer.status_code == 400, body[:20]
        assert error_of(answer)["reason"] == "bad_request"
    for body in ("[]", "1", "null", '"x"', "{}", '{"amount_usd": "20", "amout": 1}', '{"amount_usd": true}'):
        answer = asking.post("credits/checkout", body)
        assert answer.status_code == 422, body
        assert error_of(answer)["reason"] == "invalid"


def test_who_is_refused_is_told_where_to_change_it(ada, settings):
    settings.SITE_URL = "https://api.example.test"
    few = program(ada, "usage:read")
    page = f"https://api.example.test/app/{ada.organization.slug}/management-keys"
    assert error_of(few.get("credits"))["manage_url"] == page
    bo = member(ada, role="admin")
    asking = program(bo)
    Membership.objects.filter(id=bo.organization.member_id).update(role="viewer")
    assert error_of(asking.post("keys", {"name": "x"}))["manage_url"].endswith("/members")
    assert "manage_url" not in error_of(asking.get("keys/none"))
