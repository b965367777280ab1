"""The quickstart as a browser asks for it: one key however often it is pressed, shown once, kept nowhere."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from accounts.api_key_selectors import api_keys_list
from accounts.keys import key_hash
from billing.limits import limits_list
from tests.tokenoutput.pages import catalog_make, member, visitor
from tests.tokenoutput.test_pages import text_of

SECRET = re.compile(r'<code id="secret">(sk-[^<]+)</code>')


@pytest.mark.django_db
def test_a_newcomer_lands_on_the_quickstart_until_there_is_a_key():
    ada = visitor()
    assert ada.client.get("/app/")["Location"] == ada.path("quickstart")
    carried = ada.client.get("/app/quickstart?language=python&model=small&other=1")
    assert carried["Location"] == ada.path("quickstart?language=python&model=small")
    # Who may not make keys has nothing to do there.
    assert member(ada, role="viewer").client.get("/app/")["Location"] == ada.path()
    ada.client.post(ada.path("quickstart"), {"limit_nanos": ""})
    assert ada.client.get("/app/")["Location"] == ada.path()


@pytest.mark.django_db
def test_the_first_key_is_made_once_and_shown_once():
    catalog_make()
    ada = visitor()
    pressed = {"limit_period": "monthly", "limit_nanos": "20.00"}
    first = ada.client.post(ada.path("quickstart?language=python&model=small"), pressed)
    (secret,) = SECRET.findall(first.content.decode())
    assert key_hash(secret) is not None
    assert "no-store" in first["Cache-Control"]
    # Ready to run in the language that was open, with the model that was open.
    (chosen,) = re.findall(r'value="(\w+)"\s+autocomplete="off"\s+checked', first.content.decode())
    assert chosen == "python_openai"
    second = ada.client.post(ada.path("quickstart"), pressed)
    assert second.status_code == 200
    assert "Your first key was already made" in text_of(second)
    seen_later = ada.client.get(ada.path("quickstart")).content.decode()
    assert secret not in second.content.decode() + seen_later
    assert len(api_keys_list(organization_id=ada.organization.id)) == 1
    (limit,) = limits_list(organization_id=ada.organization.id)
    assert (limit.period, limit.amount_nanos) == ("monthly", 20_000_000_000)


def test_pressed_twice_at_once_it_is_one_key(database):
    ada = visitor(uuid4().hex[:12])

    def press(_number):
        client = Client()
        client.force_login(ada.user)
        try:
            return SECRET.findall(client.post(ada.path("quickstart"), {"limit_nanos": ""}).content.decode())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        shown = list(threads.map(press, range(4)))
    assert sorted(map(len, shown)) == [0, 0, 0, 1]
    assert len(api_keys_list(organization_id=ada.organization.id)) == 1


@pytest.mark.django_db
def test_a_limit_that_cannot_be_is_refused_beside_its_field_and_makes_no_key():
    ada = visitor()
    answer = ada.client.post(ada.path("quickstart"), {"limit_period": "monthly", "limit_nanos": "-3"})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert api_keys_list(organization_id=ada.organization.id) == []


@pytest.mark.django_db
def test_without_a_gateway_the_page_says_so_and_keeps_the_key_out_of_the_address():
    catalog_make()
    ada = visitor()
    answer = ada.client.post(ada.path("quickstart/run"), {"key": "sk-<script>", "model": "nonsense"})
    assert answer.status_code == 200
    assert "This server cannot run it for you" in text_of(answer)
    assert "<script>" not in answer.content.decode().replace('<script type="module"', "")
    assert "no-store" in answer["Cache-Control"]
