"""Prompts and answers are relayed and nothing else: no table and no log line holds a word of them."""

from typing import Any

import httpx
import pytest
from django.db import connection

from tests.upstreams import scripts, wire

MARK = "Reineclaude-4711"
ENDPOINTS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": f"Asked {MARK}"}]},
    "/v1/messages": {"max_tokens": 64, "messages": [{"role": "user", "content": f"Asked {MARK}"}]},
    "/v1/responses": {"input": f"Asked {MARK}"},
}
OUTCOMES = {
    "whole": (False, scripts.whole(wire.openai_answer(f"Answered {MARK}"))),
    "streamed": (True, scripts.stream(*wire.openai_stream("Answered ", MARK))),
    "cut": (True, scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": MARK}), end="cut")),
    "refused": (False, scripts.whole({"error": {"message": f"No {MARK}"}}, status=400)),
    "broken": (False, scripts.whole({"error": {"message": f"Crashed on {MARK}"}}, status=500)),
}


def tables_with(mark: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert len(tables) > 20
        found = []
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table} AS line WHERE line::text LIKE %s)", [f"%{mark}%"])
            found += [table] if cursor.fetchone()[0] else []
    return found


@pytest.mark.parametrize("path", ENDPOINTS)
def test_no_word_of_a_request_is_kept(gateway_server, customer, caplog, capfd, path):
    for streamed, script in OUTCOMES.values():
        model = gateway_server.model(script)
        body = {"model": model.public_id, "stream": streamed, **ENDPOINTS[path]}
        answer = httpx.post(f"{gateway_server.url}{path}", json=body, headers=customer.bearer, timeout=15)
        assert MARK in answer.text  # It came through, even as an error's words.
    customer.idle()
    assert tables_with(MARK) == []
    assert path in caplog.text
    assert MARK not in caplog.text
    printed = capfd.readouterr()
    assert MARK not in printed.out + printed.err


def test_a_mark_that_is_kept_would_be_found(gateway_server):
    customer = gateway_server.customer()
    assert tables_with(f"test:{customer.organization_id}") != []
