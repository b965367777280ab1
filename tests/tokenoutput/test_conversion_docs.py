"""The docs of conversion tell what the converters do: each line of their tables is held to a request."""

import html
import re

import pytest

from gateway.convert import CONVERSIONS
from gateway.wire.body import BodyInvalid
from tests.gateway.convert.asks import asked_make
from tokenoutput.conversion_docs import FIELD_TABLES, STOP_TABLES

CHAT = {"model": "public-1", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
RESPONSES = {"model": "public-1", "input": "Hi"}
ROWS = [
    ("anthropic-client", "anthropic_messages", "openai_chat", CHAT),
    ("openai-client", "openai_chat", "anthropic_messages", CHAT),
    ("responses-client", "openai_responses", "openai_chat", RESPONSES),
    ("responses-client", "openai_responses", "anthropic_messages", RESPONSES),
]
FIELDS = {table.id: table.fields for table in FIELD_TABLES}
LINES = [
    pytest.param(client, upstream, request, field, id=f"{client}-{upstream}-{field.name}")
    for table, client, upstream, request in ROWS
    for field in FIELDS[table]
    if field.fate != "carried"
]


@pytest.mark.parametrize(("client", "upstream", "request_body", "field"), LINES)
def test_a_field_is_dropped_or_refused_as_the_docs_say(client, upstream, request_body, field):
    asked = asked_make({**request_body, field.name: {"some": "thing"}})
    if field.fate == "refused":
        with pytest.raises(BodyInvalid) as refusal:
            CONVERSIONS[client, upstream](asked)
        assert refusal.value.param == field.name
        assert field.note in str(refusal.value)
    else:
        conversion = CONVERSIONS[client, upstream](asked)
        assert field.name in conversion.dropped
        assert b'"thing"' not in conversion.body


@pytest.mark.parametrize(("client", "upstream", "request_body"), [row[1:] for row in ROWS])
def test_a_field_that_no_table_knows_is_named_as_dropped(client, upstream, request_body):
    conversion = CONVERSIONS[client, upstream](asked_make({**request_body, "unheard_of": 1}))
    assert conversion.dropped == ("unheard_of",)
    assert b"unheard_of" not in conversion.body


@pytest.mark.django_db
def test_the_page_shows_every_line_of_the_tables(client):
    page = " ".join(re.sub(r"<[^>]+>", " ", client.get("/docs/conversion").content.decode()).split())
    text = html.unescape(page)
    for table in FIELD_TABLES:
        assert table.fields
        for field in table.fields:
            assert f"{field.name} {field.fate} {field.note}" in text
    for stops in STOP_TABLES:
        for theirs, yours in stops.words.items():
            assert f"{theirs} {yours}" in text
