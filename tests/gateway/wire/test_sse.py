"""Events do not depend on where the socket cuts, and their bytes are exactly the bytes that came."""

import pytest
from hypothesis import given, strategies as st

from gateway.wire.sse import EVENT_BYTES_MAX, Event, EventParser, EventTooLarge

STREAM = (
    b"\xef\xbb\xbf: a comment\n\n"
    b'data: {"a":1}\n\n'
    b"event: ping\r\ndata: {}\r\n\r\n"
    b"event: message_delta\ndata: one\ndata:two\nid: 7\n\n"
    b"data\n\n"
    b"\n\n\n"
    b"data: old mac\r\r"
    b"data: \xe2\x82\xac and \xf0\x9f\x98\x80\n\n"
    b"data: [DONE]\n\n"
    b"data: no blank line"
)
EXPECTED = [
    ("", b""),
    ("", b'{"a":1}'),
    ("ping", b"{}"),
    ("message_delta", b"one\ntwo"),
    ("", b""),
    ("", b""),
    ("", b"old mac"),
    ("", "€ and \N{GRINNING FACE}".encode()),
    ("", b"[DONE]"),
    ("", b"no blank line"),
]


def read(stream: bytes, cuts: list[int]) -> list[Event]:
    parser, events, at = EventParser(), [], 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        events += parser.feed(stream[at:cut])
        at = cut
    return events + parser.finish()


def test_every_kind_of_line_end_comment_and_field():
    events = read(STREAM, [])
    assert [(event.event, event.data) for event in events] == EXPECTED
    assert b"".join(event.raw for event in events) == STREAM


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_events_do_not_depend_on_where_the_socket_cuts(cuts):
    assert read(STREAM, cuts) == read(STREAM, [])


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"data: x", b"event: y", b":", b"\xef\xbb\xbf", b"z"])).map(
        b"".join
    ),
    st.lists(st.integers(0, 10_000), max_size=10),
)
def test_any_bytes_come_out_as_they_went_in(stream, cuts):
    events = read(stream, cuts)
    assert b"".join(event.raw for event in events) == stream
    assert events == read(stream, [])


def test_byte_by_byte():
    assert read(STREAM, list(range(len(STREAM)))) == read(STREAM, [])


@pytest.mark.parametrize("cuts", [[], [10], list(range(0, EVENT_BYTES_MAX, 4096))], ids=["whole", "two", "many"])
def test_one_event_has_a_size_limit_and_those_before_it_are_read(cuts):
    big = b"data: " + b"x" * EVENT_BYTES_MAX + b"\n\n"
    stream = b"data: 1\n\ndata: 2\n\n" + big
    parser, seen, at = EventParser(), [], 0
    with pytest.raises(EventTooLarge):
        for cut in [*cuts, len(stream)]:
            seen += parser.feed(stream[at:cut])
            at = cut
        parser.feed(b"")
    assert [event.data for event in seen] == [b"1", b"2"]


def test_the_largest_event_passes_and_a_larger_rest_does_not():
    whole = b"data: " + b"x" * (EVENT_BYTES_MAX - 8) + b"\n\n"
    assert EventParser().feed(whole)[0].raw == whole
    with pytest.raises(EventTooLarge):
        EventParser().feed(b"y" * (EVENT_BYTES_MAX + 1))
    parser = EventParser()
    assert parser.feed(b"data: 1\n\n" + b"y" * (EVENT_BYTES_MAX + 1))
    with pytest.raises(EventTooLarge):
        parser.finish()


@pytest.mark.parametrize(
    ("raw", "changed"),
    [
        (b"event: a\r\ndata: {1}\r\nid: 3\r\n\r\n", b"event: a\r\ndata: new\r\nid: 3\r\n\r\n"),
        (b"event: 1\ndata: 1\nid: 3\n\n", b"event: 1\nid: 3\ndata: new\n\n"),
        (b": note\nevent: a\ndata: one\ndata:two\ndata\n\n", b": note\nevent: a\ndata: new\n\n"),
        (b"\xef\xbb\xbfdata: a\ndata: b\n\n", b"data: new\n\n"),
    ],
)
def test_data_can_be_exchanged_and_the_rest_stays(raw, changed):
    [event] = EventParser().feed(raw)
    assert event.with_data(b"new") == changed
    assert event.with_data(event.data) == raw
    [again] = EventParser().feed(changed)
    assert (again.event, again.data) == (event.event, b"new")


def test_new_data_of_several_lines_stays_one_event():
    [event] = EventParser().feed(b"data: a\ndata: b\n\n")
    [again] = EventParser().feed(event.with_data(b"c\nd"))
    assert again.data == b"c\nd"
