"""Every page in a language nobody speaks: words that stay English are not wrapped for translation."""

import re

import pytest
from django.core.cache import cache
from django.db.models import CharField
from django.db.models.functions import Cast
from django.urls import get_resolver

from accounts.services import api_key_create
from catalog.models import Model
from tests.tokenoutput.pages import catalog_make, member, visitor
from tests.tokenoutput.pseudo import Words, pseudo, speak
from tests.tokenoutput.test_bad_input import path_of, patterns

pytestmark = pytest.mark.django_db
# Documents, which are whole texts of one language; the developers' own page; data that is not ours to translate.
DOCUMENTS = ("docs", "legal/", "changelog", "models.xml", "llms", "sitemap", "robots", "styleguide")
NAMES = re.compile(
    r"TokenOutput|OpenAI|Anthropic|Claude Code|Claude|Codex|curl|Python|Node\.js|Chat Completions|Messages|Stripe"
    r"|API|UTC|USD|JSON|CSV|PDF|TOTP|URL|HTTP|SDK|RSS|Atom|House|Geist"
    r"|\S+@\S+|https?://\S+|[\w.-]*/[\w./<>-]+|\S*\d\S*|\w+[-_.:]\w+\S*"
)
# What is stored as it was said: the reason of a line in the ledger.
STORED = {"Starter credit"}
WORD = re.compile(r"(?<![\w&])[A-Za-z]{3,}(?!\w)")


def test_the_language_keeps_placeholders():
    assert pseudo("Add %(amount)s <b>now</b>").startswith("Áđđ %(amount)s <b>ńóŵ</b>")


def test_every_word_on_every_page_can_be_translated(monkeypatch):
    cache.clear()
    host = visitor("a9")
    member(host, role="developer", name="bo9")
    api_key_create(organization_id=host.organization.id, name="9", member_id=host.organization.member_id)
    catalog_make()
    Model.objects.update(public_id=Cast("id", CharField()), display_name="9", description="9")
    speak(monkeypatch)
    english: dict[str, str] = {}
    for route, _entry in patterns(get_resolver()):
        if route.startswith(DOCUMENTS):
            continue
        path = path_of(route, host.organization.slug)
        response = host.client.get(path)
        if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
            continue
        for said in Words(response.content.decode()).said:
            left = WORD.findall(NAMES.sub(" ", said))
            if left and said not in STORED:
                english.setdefault(said[:120], path)
    assert english == {}
