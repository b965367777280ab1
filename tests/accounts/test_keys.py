"""API keys as text: what is made is accepted, what is not a key is refused without a database."""

import hashlib
import string

import pytest
from hypothesis import assume, given, strategies as st

from accounts.keys import key_hash, key_make

BASE62 = string.digits + string.ascii_letters
KEY_LENGTH = 3 + 43 + 6


def test_a_made_key_is_known_by_its_hash_prefix_and_last_four():
    made = key_make()
    assert made.secret.startswith("sk-")
    assert len(made.secret) == KEY_LENGTH
    assert set(made.secret[3:]) <= set(BASE62)
    assert key_hash(made.secret) == made.key_hash == hashlib.sha256(made.secret.encode()).digest()
    assert (made.prefix, made.last_four) == (made.secret[:8], made.secret[-4:])


def test_keys_differ_and_their_repr_keeps_the_secret():
    made = [key_make() for _ in range(200)]
    assert len({one.key_hash for one in made}) == len(made)
    assert made[0].secret not in repr(made[0])


@pytest.mark.parametrize("random_bytes", [bytes(32), bytes(31) + b"\x01", b"\xff" * 32])
def test_leading_zeros_keep_the_length(monkeypatch, random_bytes):
    monkeypatch.setattr("secrets.token_bytes", lambda count: random_bytes)
    made = key_make()
    assert len(made.secret) == KEY_LENGTH
    assert key_hash(made.secret) == made.key_hash


@given(place=st.integers(0, KEY_LENGTH - 1), character=st.sampled_from(BASE62 + "-_ é\x00"))
def test_any_one_character_changed_is_refused(place, character):
    secret = key_make().secret
    assume(secret[place] != character)
    assert key_hash(secret[:place] + character + secret[place + 1 :]) is None


@given(place=st.integers(3, KEY_LENGTH - 2))
def test_two_neighbours_swapped_are_refused(place):
    secret = key_make().secret
    assume(secret[place] != secret[place + 1])
    swapped = secret[:place] + secret[place + 1] + secret[place] + secret[place + 2 :]
    assert key_hash(swapped) is None


@given(st.text())
def test_no_text_raises(text):
    assert key_hash(text) is None
    assert key_hash("sk-" + text) is None


@pytest.mark.parametrize(
    "text",
    ["", "sk-", "\x00", "sk-" + "0" * 49 + "\n", "sk-" + "٣" * 49, "\ud800" * KEY_LENGTH, "s" * 1_000_000],
)
def test_what_cannot_be_a_key_is_refused(text):
    assert key_hash(text) is None


def test_a_key_with_something_around_it_is_refused():
    secret = key_make().secret
    for text in (secret + "\n", " " + secret, secret + "0", secret[:-1], secret.upper(), secret + "\x00"):
        assert key_hash(text) is None
