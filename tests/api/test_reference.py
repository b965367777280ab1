"""The page of the API reference: everything that the description says, for people."""

import json

from django.conf import settings

from tests.tokenoutput.test_pages import text_of
from tokenoutput.api.reference import chapters_of

DESCRIBED = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())


def test_every_operation_is_on_the_page(client):
    page = client.get("/docs/api")
    html, text = page.content.decode(), text_of(page)
    for path, methods in DESCRIBED["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in html
            assert operation["summary"] in text
            assert path in text
            assert operation.get("x-required-scope", "") in text
    assert 'href="/api/v1/openapi.json"' in html


def test_fields_are_named_by_their_path_with_their_kind():
    operations = {operation.id: operation for chapter in chapters_of(DESCRIBED) for operation in chapter.operations}
    listed = operations["list_models"]
    kinds = {field.name: field.kind for field in listed.answer}
    assert kinds["data"] == "list of object"
    assert kinds["data[].pricing.prompt"] == "string"
    assert kinds["data[].pricing_long_context"] == "object or null"
    assert kinds["links.next"] == "string or null"
    assert (listed.key, listed.scope) == ("", "")
    begun = operations["begin_a_payment"]
    assert next((field.name, field.kind, field.required) for field in begun.body) == (
        "amount_usd", "number or string", True,
    )  # fmt: skip
    assert (begun.key, begun.scope, begun.status) == ("sk-mgmt-…", "billing:write", "201")
    chat = operations["inference_chat"]
    assert (chat.key, chat.errors[:3], chat.stream[1]) == ("sk-…", ["400", "401", "402"], "[DONE]")
    assert ("object", "always chat.completion.chunk") in {(field.name, field.kind) for field in chat.event}
    assert operations["list_models"].description[1::2] == ()  # code is every second part
    assert "total_credits" in operations["get_credit"].description[1::2]
