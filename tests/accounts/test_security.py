"""The second step, sessions and the change of address, by HTTP."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts import services
from accounts.selectors import user_by_email

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
CODE = re.compile(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()


@pytest.fixture
def user():
    made = services.user_create(email="ada@example.com", password=PASSWORD, verified=True)
    services.organization_create(name="Acme", owner=made)
    return made


def log_in():
    client = Client()
    return client, client.post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})


def log_in_again():
    """Signed in, and the password asked for once more, as what guards the account wants it."""
    client, _ = log_in()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def code_now(secret):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def signed_in(client):
    return "_auth_user_id" in client.session


def activate():
    client = log_in_again()
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    assert client.post("/accounts/2fa/totp/activate/", {"code": code_now(secret)}).status_code == 302
    return client, secret


def test_an_authenticator_app_is_asked_for_and_sealed(user):
    _, secret = activate()
    assert secret not in str(Authenticator.objects.get(type="totp").data)
    cache.clear()  # A code counts once; this one was used to begin with.
    client, answer = log_in()
    assert not signed_in(client)
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert not signed_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_now(secret)})
    assert signed_in(client)


def test_a_recovery_code_works_once(user):
    owner, _ = activate()
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    page = owner.get("/accounts/2fa/recovery-codes/").content.decode()
    assert [code for code in codes if code not in page] == []
    for code, passes in ((codes[0], True), (codes[0], False)):
        client, _ = log_in()
        client.post("/accounts/2fa/authenticate/", {"code": code})
        assert signed_in(client) is passes


def test_owners_need_a_second_step_where_the_setting_says_so(user, settings):
    settings.MFA_REQUIRED_FOR_OWNERS = True
    client, _ = log_in()
    assert client.get("/app/acme/")["Location"] == "/accounts/2fa/"
    protected, _ = activate()
    assert protected.get("/app/acme/").status_code == 200


def test_other_sessions_are_signed_out(user):
    first, _ = log_in()
    second, _ = log_in()
    assert UserSession.objects.filter(user=user).count() == 2
    assert b"Sign out everywhere else" in second.get("/accounts/sessions/").content
    second.post("/accounts/sessions/")
    assert second.get("/app/acme/").status_code == 200
    assert first.get("/app/acme/").status_code == 302


def test_the_address_changes_with_its_code_only(user):
    client = log_in_again()
    client.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    assert user_by_email(email="new@example.com") is None
    found = CODE.search(str(mail.outbox[-1].body))
    assert found
    parts = {part.get_content_type(): part for part in mail.outbox[-1].message().walk()}
    # Quoted-printable may break a line anywhere.
    assert found[1].encode() in parts["text/html"].as_bytes().replace(b"=\n", b"")
    client.post("/accounts/confirm-email/", {"code": found[1]})
    changed = user_by_email(email="new@example.com")
    assert changed is not None
    assert changed.pk == user.pk


@pytest.mark.parametrize("path", ["2fa/", "2fa/webauthn/add/", "2fa/totp/activate/", "sessions/", "email/", "login/"])
def test_pages_have_no_inline_script_or_style(user, path):
    client = log_in_again() if path != "login/" else Client()
    answer = client.get(f"/accounts/{path}")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert " style=" not in page
    assert all("src=" in tag or "json" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_sites_without_a_client_have_no_button(user):
    page = Client().get("/accounts/login/").content.decode()
    assert "passkey" in page
    assert "GitHub" not in page
    assert "Google" not in page
