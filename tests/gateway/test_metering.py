"""Usage objects of every kind become disjoint buckets; odd ones are flagged, and never read as zero."""

import json

import pytest
from hypothesis import given, strategies as st

from catalog.pricing import Usage
from gateway.metering import TOKENS_MAX, Meter, usage_estimate


def metered(*reported):
    meter = Meter()
    for each in reported:
        meter.observe(each)
    return meter.usage, set(meter.flags)


def openai(prompt=100, completion=20, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


def cached(tokens):
    return {"prompt_tokens_details": {"cached_tokens": tokens}}


def reasoned(tokens):
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


CASES = {
    "plain": (openai(total_tokens=120), Usage(100, output_tokens=20)),
    "nulls": (openai(prompt_tokens_details=None, completion_tokens_details=None), Usage(100, output_tokens=20)),
    "cached": (openai(**cached(40)), Usage(60, 40, output_tokens=20)),
    "deepseek": (openai(prompt_cache_hit_tokens=40, prompt_cache_miss_tokens=60), Usage(60, 40, output_tokens=20)),
    "moonshot": (openai(cached_tokens=40), Usage(60, 40, output_tokens=20)),
    "mistral": (openai(num_cached_tokens=40, **cached(0)), Usage(60, 40, output_tokens=20)),
    "anthropic_names": (
        openai(cache_read_input_tokens=40, cache_creation_input_tokens=10),
        Usage(50, 40, 10, output_tokens=20),
    ),
    "written": (
        openai(prompt_tokens_details={"cached_tokens": 30, "cache_write_tokens": 50}),
        Usage(20, 30, 50, output_tokens=20),
    ),
    "reasoning_inside": (
        openai(total_tokens=120, **reasoned(15)),
        Usage(100, output_tokens=20, reasoning_tokens=15),
    ),
    "reasoning_beside": (
        openai(total_tokens=150, **reasoned(30)),
        Usage(100, output_tokens=50, reasoning_tokens=30),
    ),
    "reasoning_beside_without_total": (openai(**reasoned(30)), Usage(100, output_tokens=50, reasoning_tokens=30)),
    "reasoning_too_large_but_total_agrees": (
        openai(total_tokens=120, **reasoned(21)),
        Usage(100, output_tokens=20, reasoning_tokens=20),
    ),
    "perplexity": (openai(total_tokens=120, reasoning_tokens=5), Usage(100, output_tokens=20, reasoning_tokens=5)),
    "whole_floats": (openai(100.0, 20.0), Usage(100, output_tokens=20)),
    "zero_output": (openai(100, 0), Usage(100)),
    "anthropic": ({"input_tokens": 10, "output_tokens": 5}, Usage(10, output_tokens=5)),
    "anthropic_cache": (
        {"input_tokens": 10, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 9, "output_tokens": 5},
        Usage(10, 7, 9, output_tokens=5),
    ),
    "anthropic_cache_by_age": (
        {
            "input_tokens": 10,
            "cache_creation_input_tokens": 9,
            "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 3},
        },
        Usage(10, 0, 5, 4, 5, 3),
    ),
    "anthropic_more_by_age_than_in_all": (
        {
            "input_tokens": 10,
            "cache_creation_input_tokens": 2,
            "cache_creation": {"ephemeral_1h_input_tokens": 4},
            "output_tokens": 5,
        },
        Usage(10, 0, 0, 2, 5),
    ),
    "anthropic_compaction": (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "iterations": [
                {
                    "type": "compaction",
                    "input_tokens": 100,
                    "cache_read_input_tokens": 20,
                    "cache_creation_input_tokens": 9,
                    "cache_creation": {"ephemeral_1h_input_tokens": 4},
                    "output_tokens": 7,
                },
                {"type": "message", "input_tokens": 10, "output_tokens": 5},
            ],
        },
        Usage(110, 20, 5, 4, 12),
    ),
    "anthropic_empty_compaction": (
        {"input_tokens": 10, "output_tokens": 5, "iterations": [{"type": "compaction"}, "x"]},
        Usage(10, output_tokens=5),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_buckets(name):
    reported, usage = CASES[name]
    assert metered(reported) == (usage, set())


ODD = {
    "nothing": ({}, None, set()),
    "output_missing": ({"prompt_tokens": 5}, None, set()),
    "input_missing": ({"completion_tokens": 5}, None, set()),
    "null": (openai(None, None), None, set()),
    "words": (openai("many", 5), None, {"unreadable"}),
    "booleans": (openai(True, 5), None, {"unreadable"}),
    "fractions": (openai(1.5, 5), None, {"unreadable"}),
    "digits": (openai("100", "20"), Usage(100, output_tokens=20), {"text"}),
    "absurd": (openai(10**18, 5), None, {"absurd"}),
    "absurd_output": (openai(5, TOKENS_MAX + 1), None, {"absurd"}),
    "absurd_float": (openai(1e300, 5), None, {"absurd"}),
    "infinite": (openai(float("inf"), 5), None, {"unreadable"}),
    "negative": (openai(-5, 20), Usage(0, output_tokens=20), {"negative"}),
    "more_cached_than_there_was": (openai(**cached(140)), Usage(0, 100, output_tokens=20), {"part_exceeds_whole"}),
    "more_written_than_there_was": (
        openai(prompt_tokens_details={"cached_tokens": 60, "cache_write_tokens": 60}),
        Usage(0, 60, 40, output_tokens=20),
        {"part_exceeds_whole"},
    ),
    "total_unexplained": (openai(total_tokens=500), Usage(100, output_tokens=20), {"total_mismatch"}),
    "audio": (
        openai(prompt_tokens_details={"audio_tokens": 9}),
        Usage(100, output_tokens=20),
        {"unpriced_audio"},
    ),
    "details_no_object": (openai(prompt_tokens_details=[1]), Usage(100, output_tokens=20), set()),
    "search": (
        {"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}},
        Usage(10, output_tokens=5),
        {"unpriced_server_tool"},
    ),
    "another_model": (
        {"input_tokens": 10, "output_tokens": 5, "iterations": [{"type": "advisor_message", "input_tokens": 9}]},
        Usage(10, output_tokens=5),
        {"unpriced_iteration"},
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_numbers_are_flagged(name):
    reported, usage, flags = ODD[name]
    assert metered(reported) == (usage, flags)


def test_the_last_good_object_wins():
    assert metered(openai(100, 1), openai(100, 20)) == (Usage(100, output_tokens=20), set())
    assert metered(openai(100, 20), {}) == (Usage(100, output_tokens=20), set())
    assert metered(openai(100, 20), openai("x", 30)) == (Usage(100, output_tokens=20), {"unreadable"})


def test_smaller_numbers_are_flagged():
    """OpenAI's totals only grow, so a smaller one is a fault; Anthropic's later events correct the earlier ones."""
    assert metered(openai(100, 20), openai(100, 5)) == (Usage(100, output_tokens=20), {"decreased"})
    start, late = {"input_tokens": 50, "output_tokens": 1}, {"output_tokens": 9}
    assert metered(start, late, {"output_tokens": 5}) == (Usage(50, output_tokens=5), {"decreased"})
    assert metered(start, {"input_tokens": 20, "output_tokens": 9}) == (Usage(20, output_tokens=9), {"decreased"})


def test_the_first_output_is_a_guess_and_a_later_zero_means_as_before():
    start = {"input_tokens": 50, "output_tokens": 1}
    assert metered(start, {"output_tokens": 0}) == (Usage(50), set())
    assert metered(start, {"output_tokens": 9}, {"output_tokens": 0}) == (Usage(50, output_tokens=9), set())


START = {
    "input_tokens": 50,
    "cache_read_input_tokens": 30,
    "cache_creation_input_tokens": 20,
    "cache_creation": {"ephemeral_5m_input_tokens": 12, "ephemeral_1h_input_tokens": 8},
    "output_tokens": 1,
}


def test_anthropic_tells_input_first_and_output_later():
    assert metered(START, {"output_tokens": 40}) == (Usage(50, 30, 12, 8, 40), set())


def test_later_numbers_keep_what_they_do_not_mention():
    assert metered(START, {"input_tokens": 60, "output_tokens": 40}) == (Usage(60, 30, 12, 8, 40), set())


def test_later_numbers_may_move_tokens_between_buckets():
    estimate = {"input_tokens": 100, "output_tokens": 1}
    true = {"input_tokens": 6, "cache_read_input_tokens": 94, "output_tokens": 9}
    assert metered(estimate, true) == (Usage(6, 94, output_tokens=9), set())


def test_a_zero_at_the_end_does_not_undo_the_start():
    assert metered(START, {"input_tokens": 0, "output_tokens": 40}) == (Usage(50, 30, 12, 8, 40), set())


def test_a_zero_at_the_start_waits_for_the_truth():
    late = {"input_tokens": 70, "output_tokens": 40}
    assert metered({"input_tokens": 0, "output_tokens": 0}, late) == (Usage(70, output_tokens=40), set())


def test_missing_is_never_zero():
    assert metered({"output_tokens": 40}) == (None, set())
    assert metered({"input_tokens": 40}) == (None, set())


def test_estimates_err_in_the_customers_favour():
    assert usage_estimate(prompt_bytes=0, output_bytes=0) == Usage()
    assert usage_estimate(prompt_bytes=11, output_bytes=1) == Usage(input_tokens=3, output_tokens=1)
    assert usage_estimate(prompt_bytes=-3, output_bytes=5) == Usage(output_tokens=1)


NUMBERS = st.one_of(
    st.none(), st.integers(-5, 10**20), st.floats(), st.text(max_size=4), st.booleans(), st.lists(st.integers())
)
NAMES = st.sampled_from(
    sorted(
        {name for reported, _ in CASES.values() for name in reported}
        | {"cached_tokens", "reasoning_tokens", "ephemeral_1h_input_tokens"}
    )
)


@given(st.lists(st.dictionaries(NAMES, NUMBERS | st.dictionaries(NAMES, NUMBERS, max_size=3), max_size=8), max_size=4))
def test_nothing_breaks_the_meter_or_makes_a_bucket_negative(objects):
    usage, _ = metered(*objects)
    if usage is not None:
        buckets = (
            usage.input_tokens,
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens,
            usage.cache_write_1h_tokens,
            usage.output_tokens,
        )
        assert all(0 <= bucket <= 3 * TOKENS_MAX for bucket in buckets)
        assert 0 <= usage.reasoning_tokens <= usage.output_tokens
        assert json.dumps(buckets)
