"""Signing up, in and out by HTTP: codes are read from the mail, and only a verified user gets an account."""

import re
from datetime import timedelta

import pytest
from allauth.account.adapter import get_adapter
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.errors import EmailNotVerified
from accounts.selectors import email_verified, organizations_of
from accounts.services import organization_create, user_create
from billing.selectors import transfers_list, wallet_get
from tokenoutput.signup import AccountAdapter, account_open

pytestmark = pytest.mark.django_db
User = get_user_model()
PASSWORD = "correct horse battery"
NEW_PASSWORD = "a fresh horse stapled"
CODE = re.compile(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", re.MULTILINE)
STARTER_NANOS = 5_000_000_000


@pytest.fixture(autouse=True)
def _fresh(settings):
    """Limits on attempts count in the cache; each test starts at none."""
    cache.clear()
    settings.STARTER_CREDIT_USD = "5"


def sign_up(client, email="ada@example.com", password=PASSWORD):
    return client.post(reverse("account_signup"), {"email": email, "password1": password})


def code_of(message):
    match = CODE.search(message.body)
    assert match, message.body
    return match[1]


def verify(client, code=None):
    code = code_of(mail.outbox[-1]) if code is None else code
    return client.post(reverse("account_email_verification_sent"), {"code": code})


def log_in(client, email="ada@example.com", password=PASSWORD, **more):
    return client.post(reverse("account_login"), {"login": email, "password": password, **more})


def signed_in(client):
    return "_auth_user_id" in client.session


def verified_user(email="ada@example.com", password=PASSWORD):
    return user_create(email=email, password=password, verified=True)


def test_signing_up_opens_an_organisation_with_wallet_and_starter_credit(client):
    answer = sign_up(client, "Ada@Example.com")
    assert answer.url == reverse("account_email_verification_sent")
    user = User.objects.get()
    assert user.email == "ada@example.com"
    assert not signed_in(client)
    assert organizations_of(user=user) == []
    [message] = mail.outbox
    assert message.to == ["ada@example.com"]

    answer = verify(client)
    assert answer.url == "/app/"
    assert signed_in(client)
    [organization] = organizations_of(user=user)
    assert (organization.name, organization.slug, organization.role) == ("ada", "ada", "owner")
    wallet = wallet_get(organization_id=organization.id)
    assert (wallet.balance_nanos, wallet.granted_nanos) == (STARTER_NANOS, STARTER_NANOS)
    [transfer] = transfers_list(organization_id=organization.id)
    assert (transfer.kind, transfer.amount_nanos) == ("promo", STARTER_NANOS)


def test_logging_out_and_in_again_gives_nothing_twice(client):
    sign_up(client)
    verify(client)
    client.post(reverse("account_logout"))
    assert not signed_in(client)
    assert log_in(client, "ADA@example.com").url == "/app/"
    [organization] = organizations_of(user=User.objects.get())
    assert wallet_get(organization_id=organization.id).balance_nanos == STARTER_NANOS


def test_an_unverified_user_gets_nothing_and_a_code_at_log_in(client):
    sign_up(client)
    user = User.objects.get()
    with pytest.raises(EmailNotVerified):
        account_open(user=user)
    cache.clear()
    other = Client()
    assert log_in(other).url == reverse("account_email_verification_sent")
    assert not signed_in(other)
    verify(other)
    assert signed_in(other)
    assert len(organizations_of(user=user)) == 1


def test_a_wrong_code_is_refused_and_three_end_the_attempt(client):
    sign_up(client)
    right = code_of(mail.outbox[-1])
    for _ in range(2):
        answer = verify(client, "AAAA-BBBB")
        assert answer.status_code == 200
        assert not signed_in(client)
    verify(client, "AAAA-BBBB")
    verify(client, right)
    assert not signed_in(client)
    assert not email_verified(user=User.objects.get())


def test_an_expired_code_is_refused(client, time_machine):
    sign_up(client)
    time_machine.move_to(timezone.now() + timedelta(minutes=16))
    verify(client)
    assert not signed_in(client)
    assert organizations_of(user=User.objects.get()) == []


def test_a_code_of_another_browser_is_refused(client):
    sign_up(client)
    code = code_of(mail.outbox[-1])
    other = Client()
    sign_up(other, "eve@example.com")
    verify(other, code)
    assert not signed_in(other)
    assert not any(email_verified(user=user) for user in User.objects.all())


def test_a_code_can_be_sent_again(client):
    sign_up(client)
    first = code_of(mail.outbox[-1])
    cache.clear()
    client.post(reverse("account_email_verification_sent"), {"action": "resend"})
    assert len(mail.outbox) == 2
    assert code_of(mail.outbox[-1]) != first
    verify(client)
    assert signed_in(client)


@pytest.mark.parametrize(
    ("email", "password"),
    [("not an address", PASSWORD), ("", PASSWORD), ("ada@example.com", "elevenchars"), ("ada@example.com", ""),
     ("ada@example.com", "qwertyuiop123"), ("nul\x00@example.com", PASSWORD), ("a" * 250 + "@example.com", PASSWORD)],
)  # fmt: skip
def test_a_bad_address_or_password_is_told_and_makes_nobody(client, email, password):
    answer = sign_up(client, email, password)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not User.objects.exists()
    assert not mail.outbox


def test_a_long_password_is_welcome(client):
    sign_up(client, password="long " * 40)
    verify(client)
    assert signed_in(client)


def seen(answer):
    """What a stranger sees of an answer, without what differs on every page."""
    body = re.sub(r'(csrfmiddlewaretoken" value|nonce)="[^"]*"', r"\1", answer.content.decode())
    return answer.status_code, answer.headers.get("Location"), body


def test_sign_up_says_the_same_of_known_and_unknown_addresses():
    verified_user("known@example.com")
    answers = []
    for email in ("known@example.com", "other@example.com"):
        client = Client()
        posted = sign_up(client, email)
        page = client.get(posted.url)
        answers.append([seen(posted), tuple(str(part).replace(email, "") for part in seen(page))])
    assert answers[0] == answers[1]
    assert [message.to for message in mail.outbox] == [["known@example.com"], ["other@example.com"]]
    assert CODE.search(str(mail.outbox[0].body)) is None
    assert User.objects.count() == 2


def test_a_second_sign_up_does_not_change_the_first_password(client):
    user = verified_user()
    sign_up(client, password=NEW_PASSWORD)
    verify(client, "AAAA-BBBB")
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert not signed_in(client)


def test_log_in_and_reset_say_the_same_of_known_and_unknown_addresses():
    verified_user("known@example.com")
    log_ins, resets = [], []
    for email in ("known@example.com", "other@example.com"):
        client = Client()
        answer = log_in(client, email, "not the password")
        log_ins.append(tuple(str(part).replace(email, "") for part in seen(answer)))
        posted = client.post(reverse("account_reset_password"), {"email": email})
        confirm = reverse("account_confirm_password_reset_code")
        page = client.get(confirm)
        wrong = client.post(confirm, {"code": "AAAA-BBBB"})
        resets.append([tuple(str(part).replace(email, "") for part in seen(one)) for one in (posted, page, wrong)])
    assert log_ins[0] == log_ins[1]
    assert resets[0] == resets[1]


def reset(client, email="ada@example.com", code=None):
    client.post(reverse("account_reset_password"), {"email": email})
    code = code_of(mail.outbox[-1]) if code is None else code
    return client.post(reverse("account_confirm_password_reset_code"), {"code": code})


def test_a_password_is_reset_by_a_code(client):
    user = verified_user()
    answer = reset(client)
    assert answer.status_code == 302
    client.post(answer.url, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert log_in(Client(), password=PASSWORD).status_code == 200
    assert log_in(Client(), password=NEW_PASSWORD).url == "/app/"


def test_a_reset_with_a_wrong_code_or_a_weak_password_changes_nothing(client):
    user = verified_user()
    assert reset(client, code="AAAA-BBBB").status_code == 200
    answer = reset(client)
    assert client.post(answer.url, {"password1": "short", "password2": "short"}).status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_an_owner_of_a_squatted_address_gets_in_by_a_reset(client):
    sign_up(Client(), password="the squatter's password")
    answer = reset(client)
    client.post(answer.url, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    user = User.objects.get()
    assert email_verified(user=user)
    assert log_in(Client(), password=NEW_PASSWORD).url == "/app/"
    assert log_in(Client(), password="the squatter's password").status_code == 200
    [organization] = organizations_of(user=user)
    assert wallet_get(organization_id=organization.id).balance_nanos == STARTER_NANOS


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", r"\\evil.example", "javascript:alert(1)"]
)
def test_next_to_another_host_is_refused(client, target):
    verified_user()
    assert log_in(client, next=target).url == "/app/"


def test_next_on_this_host_is_followed(client):
    verified_user()
    assert log_in(client, next="/models?from=docs").url == "/models?from=docs"


def test_five_wrong_passwords_pause_the_address():
    verified_user()
    for _ in range(5):
        assert log_in(Client(), password="not the password").status_code == 200
    paused = Client()
    answer = log_in(paused)
    assert (answer.status_code, signed_in(paused)) == (200, False)
    assert "Too many failed login attempts" in str(answer.context["form"].errors)
    cache.clear()
    assert log_in(Client()).url == "/app/"


def test_staff_sign_in_where_attempts_are_limited():
    """The admin's own form knows no limits; whoever asks for it gets the one that does."""
    User.objects.filter(id=verified_user().id).update(is_staff=True, is_superuser=True)
    client = Client()
    form = reverse("account_login") + "?next=/admin/"
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].replace("%2F", "/") == form
    for _ in range(6):
        guess = {"username": "ada@example.com", "password": "not the password"}
        answer = client.post(reverse("admin:login") + "?next=/admin/", guess)
        assert answer.headers["location"].replace("%2F", "/") == form
    client.post(reverse("admin:login"), {"username": "ada@example.com", "password": PASSWORD})
    assert not signed_in(client)
    assert log_in(client, next="/admin/").url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_customer_who_is_signed_in_has_no_way_into_the_admin():
    verified_user()
    client = Client()
    log_in(client)
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_deactivated_user_stays_out(client):
    user = verified_user()
    User.objects.update(is_active=False)
    log_in(client)
    assert not signed_in(client)
    assert organizations_of(user=user) == []


def test_the_session_is_a_new_one_at_log_in(client):
    verified_user()
    planted = client.session  # makes one and sets the cookie, as somebody who plants it would
    planted.save()
    log_in(client)
    assert signed_in(client)
    assert client.session.session_key != planted.session_key


def test_opening_twice_is_one_organisation_and_one_credit():
    user = verified_user()
    first, second = account_open(user=user), account_open(user=user, name="Other")
    assert first == second
    assert wallet_get(organization_id=first.id).balance_nanos == STARTER_NANOS


def test_an_owner_of_an_organisation_made_by_operators_gets_no_other():
    user = verified_user()
    made = organization_create(name="Made for them", owner=user)
    assert account_open(user=user) == made
    assert wallet_get(organization_id=made.id).balance_nanos == 0


def test_one_person_gets_one_starter_credit():
    emails = ["ada.l@gmail.com", "adal+2@gmail.com", "a.d.a.l@googlemail.com", "someone@gmail.com"]
    wallets = []
    for email in emails:
        organization = account_open(user=verified_user(email))
        wallets.append(wallet_get(organization_id=organization.id).balance_nanos)
    assert wallets == [STARTER_NANOS, 0, 0, STARTER_NANOS]


def test_without_a_starter_credit_the_wallet_is_empty(settings):
    settings.STARTER_CREDIT_USD = "0"
    organization = account_open(user=verified_user())
    assert wallet_get(organization_id=organization.id).balance_nanos == 0
    assert transfers_list(organization_id=organization.id) == []


@pytest.mark.parametrize("refused", ["-5", "0.0000000001"])
def test_when_the_ledger_refuses_nothing_is_left_and_the_code_still_works(client, settings, refused):
    settings.STARTER_CREDIT_USD = refused
    sign_up(client)
    user = User.objects.get()
    with pytest.raises(ValueError, match=r"than nothing|decimal places"):
        verify(client)
    assert not email_verified(user=user)
    assert organizations_of(user=user) == []
    assert not signed_in(client)
    settings.STARTER_CREDIT_USD = "5"
    verify(client)
    assert signed_in(client)
    [organization] = organizations_of(user=user)
    assert wallet_get(organization_id=organization.id).balance_nanos == STARTER_NANOS


def test_the_later_of_two_sign_ups_at_once_is_sent_to_log_in(client, monkeypatch):
    """Both forms found the address free; the unique index decides."""
    monkeypatch.setattr("allauth.account.forms.BaseSignupForm.validate_unique_email", lambda form, email: email)
    verified_user()
    assert sign_up(client).url == reverse("account_login")
    assert User.objects.count() == 1


def test_the_adapter_is_the_one_in_use():
    assert isinstance(get_adapter(), AccountAdapter)
