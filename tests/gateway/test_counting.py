"""count_tokens: an upstream's own count where it has one, else ours; free, for everybody, for every model."""

import json
import struct
import zlib
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from gateway.image_size import image_size
from gateway.tokens import IMAGE_TOKENS_MAX, PAGE_TOKENS, TOOLS_TOKENS, prompt_read
from gateway.wire.body import BodyInvalid
from tests.gateway.protocols import ANTHROPIC, HELLO
from tests.upstreams import scripts, wire

PATH = "/v1/messages/count_tokens"
TOOL = {"name": "get_weather", "description": "The weather of a city.", "input_schema": {"type": "object"}}


def count(server, customer, sold, **body):
    with server.client(customer) as client:
        return client.post(PATH, json={"model": sold.public_id, "messages": HELLO, **body})


@pytest.fixture
def local(gateway_server):
    """A model that no upstream counts for."""
    return gateway_server.model(scripts.whole(wire.openai_answer()))


def test_an_upstream_that_can_count_is_asked(gateway_server, customer):
    body = b'{"input_tokens": 12345, "novel": 1.50}'
    model = gateway_server.model(scripts.whole(body), protocol="anthropic_messages")
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "token-counting-2024-11-01"}
    with gateway_server.client(customer) as client:
        asked = {"model": model.public_id, "messages": HELLO, "tools": [TOOL]}
        answer = client.post(f"{PATH}?beta=true", json=asked, headers=headers)
    assert (answer.status_code, answer.content) == (200, body)
    [request] = model.requests()
    assert request.target == f"{PATH}?beta=true"
    assert request.json == {**asked, "model": model.upstream_models[0]}
    assert request.header("anthropic-version") == "2026-10-21"
    assert request.header("anthropic-beta") == "token-counting-2024-11-01"
    customer.used_nothing()


CANNOT = {
    "404": lambda: scripts.whole({"type": "error", "error": {"type": "not_found_error", "message": "?"}}, status=404),
    "405": lambda: scripts.whole(b"", status=405),
    "501": lambda: scripts.whole(b"not supported", status=501),
    "401": lambda: scripts.whole({"error": {"message": "bad key"}}, status=401),
    "429": lambda: scripts.whole(b"", status=429),
    "500": lambda: scripts.whole(b"<html>", status=500),
    "closed": lambda: scripts.raw(b""),
    "no count": lambda: scripts.whole(wire.anthropic_answer()),
    "no JSON": lambda: scripts.whole(b"12"),
}


def test_what_no_upstream_can_count_is_counted_here(gateway_server, customer, local):
    expected = count(gateway_server, customer, local).json()
    model = gateway_server.model(*[make() for make in CANNOT.values()], protocol="anthropic_messages")
    for kind in CANNOT:
        answer = count(gateway_server, customer, model)
        assert (answer.status_code, answer.json()) == (200, expected), kind
    assert len(model.requests()) == len(CANNOT)


def test_the_next_route_that_can_count_is_asked(gateway_server, customer):
    model = gateway_server.model(scripts.whole(b"", status=404), routes=2, protocol="anthropic_messages")
    model.on(scripts.whole({"input_tokens": 777}), route=1)
    assert count(gateway_server, customer, model).json() == {"input_tokens": 777}


def test_a_request_that_is_wrong_is_told_so_by_the_upstream(gateway_server, customer):
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages.0: no"}}
    model = gateway_server.model(scripts.whole(refusal, status=400), protocol="anthropic_messages")
    answer = count(gateway_server, customer, model)
    assert answer.status_code == 400
    told = answer.json()
    assert told["error"].pop("metadata")["charged"] is False  # Ours, beside the provider's own words.
    assert told.pop("request_id") == answer.headers["request-id"]
    assert told == refusal


def test_counting_is_free_with_an_empty_wallet(gateway_server, local):
    broke = gateway_server.customer(credit="0")
    answer = count(gateway_server, broke, local)
    assert answer.status_code == 200
    assert 5 <= answer.json()["input_tokens"] <= 20
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "6000"
    assert local.requests() == []
    broke.used_nothing(credit="0")
    assert broke.usage() == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None}, "model"),
    "unknown model": ({"model": "nobody-sells-this"}, "model"),
    "no messages": ({"messages": None}, "messages"),
    "empty messages": ({"messages": []}, "messages"),
    "no role": ({"messages": [{}]}, "messages"),
    "no content": ({"messages": [{"role": "user"}]}, "messages.0.content"),
    "content is a number": ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
    "a block is text": ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content.0"),
    "system is a number": ({"system": 5}, "system"),
    "tools is an object": ({"tools": {}}, "tools"),
    "a paid tool": ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search"),
}


def test_bad_input_is_400_and_named(gateway_server, customer, local):
    for name, (members, said) in WRONG.items():
        answer = count(gateway_server, customer, local, **members)
        assert answer.status_code == 400, name
        assert ANTHROPIC.error_type(answer.json()) == "invalid_request_error", name
        assert said in answer.json()["error"]["message"], name


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"\xff"}', b'{"messages":' + b"[" * 5000])
def test_what_is_no_request_is_400(gateway_server, customer, body):
    with gateway_server.client(customer) as client:
        assert client.post(PATH, content=body).status_code == 400


def test_a_long_prompt_is_counted_while_others_are_served(gateway_server, customer, local):
    answer = count(gateway_server, customer, local, messages=[{"role": "user", "content": "two plums " * 500_000}])
    assert answer.status_code == 200
    assert 1_000_000 <= answer.json()["input_tokens"] <= 1_600_000


# --- What counts --------------------------------------------------------------------------------------------------


def read(**body):
    return prompt_read({name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()})


def said(*blocks, **more):
    return read(messages=[{"role": "user", "content": list(blocks)}], **more)


EMPTY = said().tokens


def png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IEND", b"")


def jpeg(width, height, *, before=b""):
    picture = b"\xff\xe1" + struct.pack(">H", len(before) + 2) + before if before else b""
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\x00" * 9
    return b"\xff\xd8\xff\xe0\x00\x04JF" + picture + b"\xff\xff" + frame[1:] + b"\xff\xd9"


def webp(kind, width, height):
    data = {
        b"VP8 ": b"\x00" * 6 + struct.pack("<HH", width, height | 0x4000),
        b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14),
        b"VP8X": b"\x00" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    }[kind]
    return b"RIFF\x00\x00\x00\x00WEBP" + kind + b"\x00\x00\x00\x00" + data


SIZED = {
    "png": png(1092, 800),
    "jpeg": jpeg(1092, 800),
    "jpeg with a picture before": jpeg(1092, 800, before=b"\xff\xc0" + b"x" * 60_000),
    "gif": b"GIF89a" + struct.pack("<HH", 1092, 800) + b"\x00" * 9,
    "webp": webp(b"VP8 ", 1092, 800),
    "webp lossless": webp(b"VP8L", 1092, 800),
    "webp extended": webp(b"VP8X", 1092, 800),
}


def image(data):
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b64encode(data).decode()}}


@pytest.mark.parametrize("kind", SIZED)
def test_an_image_counts_by_its_size(kind):
    assert image_size(b64encode(SIZED[kind]).decode()) == (1092, 800)
    assert said(image(SIZED[kind])).tokens - EMPTY == 1092 * 800 // 750


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        (image(png(200, 200))["source"], 53),
        (image(png(3136, 400))["source"], 1568 * 200 // 750),  # Brought to 1,568 pixels first.
        (image(png(8000, 8000))["source"], IMAGE_TOKENS_MAX),
        (image(png(1, 1))["source"], 1),
        (image(png(0, 5))["source"], IMAGE_TOKENS_MAX),
        (image(b"\x89PNG\r\n\x1a\n")["source"], IMAGE_TOKENS_MAX),
        (image(b"BM" + b"\x00" * 50)["source"], IMAGE_TOKENS_MAX),
        ({"type": "base64", "data": "not base64"}, IMAGE_TOKENS_MAX),
        ({"type": "url", "url": "https://example.com/plum.png"}, IMAGE_TOKENS_MAX),
    ],
)
def test_an_image_counts_within_bounds(source, tokens):
    prompt = said({"type": "image", "source": source})
    assert (prompt.tokens - EMPTY, prompt.texts) == (tokens, [])


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8", b"RIFF....WEBPVP8X", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
)
def test_no_bytes_upset_the_reader_of_sizes(data, start):
    size = image_size(b64encode(start + data).decode())
    assert size is None or min(size) > 0


def pdf(body):
    data = b64encode(b"%PDF-1.7\n" + body).decode()
    return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}


@pytest.mark.parametrize(
    ("body", "pages"),
    [
        (b"<< /Type /Pages /Count 3 >> " + b"<< /Type /Page >> " * 3, 3),
        (b"<</Type/Page/Parent 1 0 R>>" * 2, 2),
        (b"<< /Type /Pages /Kids [] /Count 40 >>", 40),
        (b"\x00" * 250_000, 2),  # Hidden in a compressed stream.
        (b"", 1),
        (b"<< /Count 999999 >>", 600),
    ],
)
def test_a_pdf_counts_by_its_pages(body, pages):
    one = said(pdf(b"")).tokens - PAGE_TOKENS
    assert said(pdf(body)).tokens - one == pages * PAGE_TOKENS


def test_everything_that_a_model_reads_counts():
    prompt = read(
        system=[{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "They want weather.", "signature": "c2ln" * 100},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Ulm"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "Rain."}]},
                    {"type": "tool_result", "tool_use_id": "toolu_2", "content": "Sun."},
                    {"type": "tool_result", "tool_use_id": "toolu_3", "content": [image(png(750, 100))]},
                    {"type": "tool_result", "tool_use_id": "toolu_4"},
                ],
            },
            {"role": "system", "content": "Be brief."},
        ],
        tools=[TOOL],
        output_config={"effort": "high", "format": {"type": "json_schema"}},
    )
    expected = [
        "Be kind.",
        "Weather?",
        "They want weather.",
        "I look.",
        "get_weather",
        '{"city":"Ulm"}',
        "Rain.",
        "Sun.",
    ]
    expected += ["Be brief.", "get_weather", "The weather of a city.", '{"type":"object"}', '{"type":"json_schema"}']
    assert prompt.texts == expected
    assert prompt.tokens > TOOLS_TOKENS + 100


def test_thinking_of_an_earlier_turn_does_not_count():
    sealed = {"type": "redacted_thinking", "data": "x" * 6000}
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, sealed]}
    user = {"role": "user", "content": "Go on."}
    done = read(messages=[user, thought, user])
    going_on = read(messages=[user, thought, {"role": "user", "content": [{"type": "tool_result", "content": "x"}]}])
    assert "Hm." not in done.texts
    assert "Hm." in going_on.texts
    assert going_on.tokens - done.tokens > 900


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ({"type": "text", "media_type": "text/plain", "data": "Plums."}, ["Plums."]),
        ({"type": "content", "content": [{"type": "text", "text": "Plums."}]}, ["Plums."]),
        ({"type": "content", "content": "Plums."}, ["Plums."]),
        ({"type": "url", "url": "https://example.com/plums.pdf"}, []),
    ],
)
def test_a_document_counts_by_what_is_in_it(source, texts):
    prompt = said({"type": "document", "title": "On plums", "source": source})
    assert prompt.texts == ["On plums", *texts]
    assert (prompt.tokens - EMPTY >= PAGE_TOKENS) is (not texts)


def test_blocks_that_nobody_knows_count_as_their_words():
    prompt = said({"type": "search_result", "source": "a", "title": "b", "content": [{"type": "text", "text": "c"}]})
    assert prompt.texts == ['{"source":"a","title":"b","content":[{"type":"text","text":"c"}]}']


def test_content_that_is_none_is_refused():
    with pytest.raises(BodyInvalid) as refused:
        said({"type": "tool_result", "content": 5})
    assert refused.value.param == "messages.0.content.0.content"
