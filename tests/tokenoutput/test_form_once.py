"""Forms sent twice, one after the other and at once: one thing is made, and its secret is in the first answer alone."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.api_key_selectors import api_keys_list
from accounts.api_keys import api_key_create
from accounts.invites import invites_of
from accounts.keys import key_hash
from accounts.management_keys import management_keys_list
from accounts.models import ApiKey, FormNote
from accounts.selectors import organizations_of
from billing.limits import limits_list
from billing.webhook_log import webhooks_list
from billing.webhook_models import Webhook
from tests.tokenoutput.pages import member, visitor
from tests.tokenoutput.test_pages import text_of

TOKEN = re.compile(r'name="form_token"\s+value="([0-9a-f-]{36})"')
SECRET = re.compile(r"sk-(?:mgmt-)?[0-9A-Za-z]{40,}|whsec_[0-9a-f]{64}")
KEY = {"name": "ci", "limit_period": "monthly", "limit_nanos": "20.00"}
MANAGEMENT_KEY = {"name": "terraform", "scopes": ["keys:read"]}


def token_of(host, page):
    """What the form on a page carries."""
    (token,) = TOKEN.findall(host.client.get(page).content.decode())
    return {"form_token": token}


def secrets_in(response):
    return set(SECRET.findall(response.content.decode()))


def at_once(host, page, form):
    """The same form from four browsers' worth of presses in the same moment."""

    def press(_number):
        client = Client()
        client.force_login(host.user)
        try:
            return client.post(page, form)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(press, range(4)))


@pytest.fixture
def ada():
    return visitor()


@pytest.mark.django_db
def test_a_key_is_made_once_and_shown_once(ada):
    page = ada.path("keys")
    form = KEY | token_of(ada, page)
    first = ada.client.post(page, form)
    (secret,) = secrets_in(first)
    second = ada.client.post(page, form)
    assert second.status_code == 200 and "no-store" in second["Cache-Control"]
    assert secrets_in(second) == set()
    assert "“ci” was made already" in text_of(second)
    assert "shown only once" in text_of(second)
    (key,) = api_keys_list(organization_id=ada.organization.id)
    assert ada.path(f"keys/{key.public_hash}#doings") in second.content.decode()
    assert bytes(ApiKey.objects.get(id=key.id).key_hash) == key_hash(secret)
    (limit,) = limits_list(organization_id=ada.organization.id)
    assert limit.api_key_id == key.id


def test_four_at_once_are_one_key(database):
    ada = visitor(uuid4().hex[:12])
    page = ada.path("keys")
    answers = at_once(ada, page, KEY | token_of(ada, page))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sorted(len(secrets_in(answer)) for answer in answers) == [0, 0, 0, 1]
    assert len(api_keys_list(organization_id=ada.organization.id)) == 1


@pytest.mark.django_db
def test_what_is_shown_anew_or_changed_is_another_key(ada):
    page = ada.path("keys")
    form = KEY | token_of(ada, page)
    ada.client.post(page, form)
    assert secrets_in(ada.client.post(page, form | {"name": "laptop"}))
    assert secrets_in(ada.client.post(page, KEY | token_of(ada, page)))
    # Somebody else with the same token is somebody else; without any it is no form of ours.
    assert secrets_in(member(ada, role="developer").client.post(page, form))
    assert secrets_in(ada.client.post(page, KEY))
    assert len(api_keys_list(organization_id=ada.organization.id)) == 5


@pytest.mark.django_db
def test_what_was_refused_may_be_sent_again(ada, monkeypatch):
    page = ada.path("keys")
    form = KEY | token_of(ada, page)
    monkeypatch.setattr("accounts.api_keys.API_KEYS_ACTIVE_MAX", 0)
    assert ada.client.post(page, form).status_code == 422
    monkeypatch.undo()
    assert secrets_in(ada.client.post(page, form))


@pytest.mark.django_db
def test_notes_go_after_a_day(ada):
    page = ada.path("keys")
    form = KEY | token_of(ada, page)
    ada.client.post(page, form)
    FormNote.objects.update(created_at=timezone.now() - timedelta(hours=25))
    ada.client.post(page, KEY | token_of(ada, page))
    assert FormNote.objects.count() == 1


@pytest.mark.django_db
def test_a_management_key_is_made_once(ada):
    page = ada.path("management-keys")
    form = MANAGEMENT_KEY | token_of(ada, page)
    assert secrets_in(ada.client.post(page, form))
    second = ada.client.post(page, form)
    assert secrets_in(second) == set()
    assert "“terraform” was made already" in text_of(second)
    assert len(management_keys_list(organization_id=ada.organization.id)) == 1


def test_four_at_once_are_one_management_key(database):
    ada = visitor(uuid4().hex[:12])
    page = ada.path("management-keys")
    answers = at_once(ada, page, MANAGEMENT_KEY | token_of(ada, page))
    assert sorted(len(secrets_in(answer)) for answer in answers) == [0, 0, 0, 1]
    assert len(management_keys_list(organization_id=ada.organization.id)) == 1


@pytest.mark.django_db
def test_a_second_press_leaves_the_new_secret_good(ada):
    made = api_key_create(organization_id=ada.organization.id, name="ci", member_id=ada.organization.member_id)
    page = ada.path(f"keys/{made.public_hash}")
    form = {"grace": "0", "last_four": made.last_four} | token_of(ada, page)
    (secret,) = secrets_in(ada.client.post(f"{page}/rotate", form))
    second = ada.client.post(f"{page}/rotate", form)
    assert second.status_code == 200 and secrets_in(second) == set()
    assert "“ci” has its new secret already" in text_of(second)
    assert bytes(ApiKey.objects.get(id=made.id).key_hash) == key_hash(secret)
    # The answer's own form asks anew.
    (token,) = TOKEN.findall(second.content.decode())
    again = form | {"form_token": token, "last_four": secret[-4:]}
    assert secrets_in(ada.client.post(f"{page}/rotate", again))


def test_four_at_once_are_one_rotation(database):
    ada = visitor(uuid4().hex[:12])
    made = api_key_create(organization_id=ada.organization.id, name="ci", member_id=ada.organization.member_id)
    page = ada.path(f"keys/{made.public_hash}")
    answers = at_once(ada, f"{page}/rotate", {"grace": "0", "last_four": made.last_four} | token_of(ada, page))
    assert [answer.status_code for answer in answers] == [200] * 4
    (secret,) = {secret for answer in answers for secret in secrets_in(answer)}
    assert bytes(ApiKey.objects.get(id=made.id).key_hash) == key_hash(secret)


@pytest.mark.django_db
def test_a_webhook_is_made_once_and_its_secret_rotated_once(ada):
    page = ada.path("webhooks")
    form = {"url": "https://hooks.example.com/a", "kinds": ["low_balance"]} | token_of(ada, page)
    assert secrets_in(ada.client.post(page, form))
    second = ada.client.post(page, form)
    assert second.status_code == 200 and secrets_in(second) == set()
    assert "“hooks.example.com” was made already" in text_of(second)
    (webhook,) = webhooks_list(organization_id=ada.organization.id)
    page = ada.path(f"webhooks/{webhook.id}")
    assert f"{page}#doings" in second.content.decode()
    form = {"grace": "86400"} | token_of(ada, page)
    (secret,) = secrets_in(ada.client.post(f"{page}/secret", form))
    second = ada.client.post(f"{page}/secret", form)
    assert second.status_code == 200 and secrets_in(second) == set()
    assert "“hooks.example.com” has its new secret already" in text_of(second)
    assert Webhook.objects.get().secret.reveal() == secret


@pytest.mark.django_db
def test_an_invite_goes_out_once_and_both_answers_say_so(ada, django_capture_on_commit_callbacks):
    page = ada.path("members")
    form = {"email": "bo@example.com", "role": "viewer"} | token_of(ada, page)
    with django_capture_on_commit_callbacks(execute=True):
        answers = [ada.client.post(page, form, follow=True) for _ in range(2)]
    assert ["An invite is on its way to bo@example.com" in text_of(answer) for answer in answers] == [True, True]
    assert len(invites_of(organization_id=ada.organization.id)) == 1
    assert len([one for one in mail.outbox if one.to == ["bo@example.com"]]) == 1
    # Another form for the same person is no second press.
    assert ada.client.post(page, form | token_of(ada, page)).status_code == 422


@pytest.mark.django_db
def test_an_organisation_is_founded_once(ada):
    form = {"name": "Second"} | token_of(ada, "/organizations/new")
    places = {ada.client.post("/organizations/new", form)["Location"] for _ in range(2)}
    assert places == {"/app/second/"}
    assert len(organizations_of(user=ada.user)) == 2
