"""The bound of a prompt: bytes for text, a fixed number for each piece of media however it is encoded."""

import json

import pytest

from gateway.wire import anthropic, openai
from gateway.wire.body import BodyInvalid, members_decode
from gateway.wire.media import (
    CLIP_TOKENS_MAX,
    DOCUMENT_TOKENS_MAX,
    IMAGE_TOKENS_MAX,
    TEMPLATE_TOKENS_MAX,
    TOOLS_TOKENS_MAX,
    prompt_measure,
)

DATA = "QUJD" * 100_000
PNG = {"type": "base64", "media_type": "image/png", "data": DATA}
PDF = {"type": "base64", "media_type": "application/pdf", "data": DATA}
URL = {"type": "url", "url": "https://pictures.example/plum.png"}
IMAGE = {"type": "image", "source": PNG}


def measure(*parts, tool_types=(), role="user"):
    body = json.dumps({"model": "m", "messages": [{"role": role, "content": list(parts)}]}).encode()
    return prompt_measure(members_decode(body), tool_types=list(tool_types))


def test_text_counts_by_the_byte():
    for text in ("hello", "plüm 🍑", "x" * 100_000, "\n\t\\"):
        measured = measure({"type": "text", "text": text})
        assert measured.text_bytes >= len(text.encode())
        assert measured.tokens_max == measured.text_bytes + TEMPLATE_TOKENS_MAX


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (IMAGE, IMAGE_TOKENS_MAX),
        ({"type": "image", "source": URL}, IMAGE_TOKENS_MAX),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, IMAGE_TOKENS_MAX),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + DATA, "detail": "high"}},
            IMAGE_TOKENS_MAX,
        ),
        ({"type": "image_url", "image_url": "data:image/png;base64," + DATA}, IMAGE_TOKENS_MAX),
        ({"type": "image_url", "image_url": {"url": "https://pictures.example/plum.png"}}, IMAGE_TOKENS_MAX),
        ({"type": "image_url", "image_url": None}, IMAGE_TOKENS_MAX),
        ({"type": "document", "source": PDF}, DOCUMENT_TOKENS_MAX),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64," + DATA}}, DOCUMENT_TOKENS_MAX),
        ({"type": "video_url", "video_url": {"url": "https://clips.example/plum.mp4"}}, CLIP_TOKENS_MAX),
        ({"type": "document", "source": {"type": "text", "data": "some text"}}, 0),
        ({"type": "document", "source": {"type": "content", "content": [IMAGE, IMAGE]}}, 2 * IMAGE_TOKENS_MAX),
        ({"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}, IMAGE_TOKENS_MAX),
        ({"type": "tool_result", "tool_use_id": "t", "content": "image"}, 0),
        ({"type": ["image"], "source": PNG}, None),
        ("image", 0),
    ],
    ids=lambda value: str(value)[:60],
)
def test_media_counts_by_the_piece(part, tokens):
    measured = measure(part)
    if tokens is None:  # No piece of media that anybody knows: text.
        assert measured.text_bytes > len(DATA)
    else:
        assert measured.text_bytes < 1000
        assert measured.tokens_max == measured.text_bytes + TEMPLATE_TOKENS_MAX + tokens


def test_text_cannot_hide_as_media_where_no_media_is_read():
    hidden = {"type": "tool_use", "id": "t", "name": "f", "input": IMAGE}
    assert measure(hidden, role="assistant").text_bytes > len(DATA)
    document = {"type": "document", "source": {"type": "text", "data": DATA}}
    assert measure(document).text_bytes > len(DATA)


def test_a_type_cannot_hide_behind_escapes():
    body = b'{"model":"m","messages":[{"role":"user","content":[{"type":"input_\\u0061udio","input_audio":{}}]}]}'
    with pytest.raises(BodyInvalid, match="Spoken"):
        openai.request_read(members_decode(body))


def test_tools_bring_instructions_of_the_provider():
    plain = measure({"type": "text", "text": "x"}).tokens_max
    assert measure({"type": "text", "text": "x"}, tool_types=[None, "custom"]).tokens_max == plain + TOOLS_TOKENS_MAX
    with_own = measure({"type": "text", "text": "x"}, tool_types=[None, "bash_20250124"]).tokens_max
    assert with_own == plain + 2 * TOOLS_TOKENS_MAX


def test_everything_else_in_the_body_counts_too():
    system = {"model": "m", "max_tokens": 1, "system": "s" * 5000, "messages": [{"role": "user", "content": "x"}]}
    bound = anthropic.request_read(members_decode(json.dumps(system).encode())).prompt_tokens_bound
    assert bound is not None
    assert bound > 5000
