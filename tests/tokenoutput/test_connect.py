"""Connect an app: a person sets the bounds, the app gets the key once, and nobody else does."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, Membership
from billing.limits import limits_list
from tests.api.programs import Program, error_of
from tests.tokenoutput.pages import member, visitor
from tests.tokenoutput.test_pages import text_of
from tokenoutput.models import ConnectCode

pytestmark = pytest.mark.django_db
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "callback_url": "https://app.example/back?state=7", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip


@pytest.fixture
def ada():
    return visitor()


def page(**changed):
    return "/auth?" + urlencode(ASKED | changed)


def allow(who, path=None, **changed):
    form = {
        "organization": who.organization.slug, "name": "their app", "expiry": "30", "limit_period": "monthly",
        "limit_nanos": "20",
    }  # fmt: skip
    return who.client.post(path or page(), form | changed)


def code_of(answer):
    assert answer.status_code == 302, answer.content
    return parse_qs(urlsplit(answer["Location"]).query)["code"][0]


def exchange(code, verifier=VERIFIER, **more):
    body = {"code": code, "code_verifier": verifier, **more}
    return Client().post("/api/v1/auth/keys", body, content_type="application/json")


def test_an_app_gets_a_key_within_the_bounds_that_were_set(ada):
    assert Client().get(page())["Location"].startswith("/accounts/login/?next=/auth")
    shown = ada.client.get(page(key_label="Their App"))
    assert "Connect app.example" in text_of(shown)
    assert b'value="Their App"' in shown.content
    assert "form-action 'self' https://app.example;" in shown["Content-Security-Policy"] + ";"
    answer = allow(ada)
    assert answer["Location"].startswith("https://app.example/back?state=7&code=")
    assert ApiKey.objects.count() == 0
    got = exchange(code_of(answer))
    assert (got.status_code, got["Cache-Control"], got["Access-Control-Allow-Origin"]) == (200, "no-store", "*")
    assert got.json()["user_id"] == str(ada.organization.member_id)
    key = Program(got.json()["key"]).data("key")
    assert (key["name"], key["limit"], key["limit_reset"]) == ("their app", 20.0, "monthly")
    assert key["expires_at"] is not None
    entry = AuditEntry.objects.get(action="api_key.created")
    assert (entry.actor, entry.details["via"]) == ("ada@example.com", "app app.example")


def test_a_code_is_good_once_for_ten_minutes_and_for_who_began_it(ada):
    code = code_of(allow(ada))
    for wrong in (exchange(code, "w" * 43), exchange("x" * 43)):
        assert wrong.status_code == 403
        assert error_of(wrong)["reason"] == "forbidden"
    assert exchange(code).status_code == 200
    assert exchange(code).status_code == 403
    old = code_of(allow(ada))
    ConnectCode.objects.filter(used_at=None).update(created_at=timezone.now() - timedelta(minutes=11))
    assert exchange(old).status_code == 403
    assert ApiKey.objects.count() == 1
    assert code.encode() not in [bytes(row.code_hash) for row in ConnectCode.objects.all()]


def test_who_may_make_no_key_any_more_gives_none(ada):
    bo = member(ada, role="developer")
    code = code_of(allow(bo, limit_period="monthly"))
    Membership.objects.filter(id=bo.organization.member_id).update(role="viewer")
    assert exchange(code).status_code == 403
    assert allow(bo).status_code == 403
    assert "role allows you to make none" in text_of(bo.client.get(page()))
    Membership.objects.filter(id=bo.organization.member_id).update(role="developer")
    assert exchange(code).status_code == 200
    assert limits_list(organization_id=ada.organization.id) == []  # Developers change no limits.


def test_a_key_of_another_organisation_is_not_allowed(ada):
    eve = visitor("eve")
    assert allow(ada, organization=eve.organization.slug).status_code == 422
    assert ConnectCode.objects.count() == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"callback_url": "http://app.example/back"}, {"callback_url": "javascript:alert(1)"}, {"callback_url": ""},
        {"callback_url": "https://u:p@app.example/"}, {"callback_url": "https://10.0.0.1/"},
        {"callback_url": "https://app.example/#x"}, {"code_challenge_method": "plain"}, {"code_challenge_method": ""},
        {"code_challenge": "short"}, {"code_challenge": ""}, {"code_challenge": CHALLENGE + "\n"},
    ],
)  # fmt: skip
def test_an_app_that_asks_wrongly_is_led_nowhere(ada, changed):
    for answer in (ada.client.get(page(**changed)), allow(ada, page(**changed))):
        assert answer.status_code == 400
        assert "Location" not in answer
        assert next(iter(changed)) in text_of(answer)
    assert ConnectCode.objects.count() == 0


def test_an_app_on_the_persons_own_machine_may_ask(ada):
    answer = allow(ada, page(callback_url="http://localhost:3000/back"))
    assert answer["Location"].startswith("http://localhost:3000/back?code=")


@pytest.mark.parametrize(
    "body",
    [{}, {"code": "x"}, {"code": "x", "code_verifier": "short"},
     {"code": "x", "code_verifier": VERIFIER, "code_challenge_method": "plain"}],
)  # fmt: skip
def test_an_exchange_that_cannot_be(body):
    answer = Client().post("/api/v1/auth/keys", body, content_type="application/json")
    assert answer.status_code == 422
    assert error_of(answer)["reason"] == "invalid"


def test_one_address_has_so_many_attempts_a_minute(monkeypatch):
    monkeypatch.setattr("tokenoutput.api.throttles.PerAddress.get_rate", lambda _self: "2/min")

    def attempt(address):
        body = {"code": "x" * 43, "code_verifier": VERIFIER}
        return Client(REMOTE_ADDR=address).post("/api/v1/auth/keys", body, content_type="application/json")

    # A whole network of IPv6 is one party.
    for addresses in (["203.0.113.7"] * 3, ["2001:db8::1", "2001:db8::2", "2001:db8::3"]):
        assert [attempt(address).status_code for address in addresses] == [403, 403, 429]
    answer = attempt("203.0.113.7")
    assert error_of(answer)["reason"] == "rate_limited"
    assert 1 <= int(answer["Retry-After"]) <= 60 and "Retry-After" in answer["Access-Control-Expose-Headers"]
    assert Client(REMOTE_ADDR="203.0.113.7").options("/api/v1/auth/keys").status_code == 204
    assert attempt("203.0.113.8").status_code == 403
