"""Names people type, slugs and mailboxes."""

import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, strategies as st

from accounts.names import SLUG_LENGTH_MAX, identity_hash, name_clean, slug_make


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  laptop  ", "laptop"),
        ("a\x00b\x07c", "abc"),
        ("two\r\nlines\tand more", "two lines and more"),
        ("\u202eevil\u200b", "evil"),
        ("Ünïcode 名前 👩\u200d💻", "Ünïcode 名前 👩\u200d💻"),
        ("x" * 80, "x" * 80),
    ],
)
def test_names_are_cleaned(typed, kept):
    assert name_clean(typed, what="API key") == kept


@pytest.mark.parametrize("typed", ["", "   ", "\x00\x01", "\u200b", "\u200d"])
def test_an_empty_name_is_refused(typed):
    with pytest.raises(ValidationError, match="Give the API key a name"):
        name_clean(typed, what="API key")


@pytest.mark.parametrize("typed", ["x" * 81, "x" * 1_000_000])
def test_a_long_name_is_refused(typed):
    with pytest.raises(ValidationError, match="80 characters at most"):
        name_clean(typed, what="API key")


@given(st.text(max_size=100), st.sampled_from(["", "ab2cd"]))
def test_every_name_has_a_slug_of_the_right_form(name, suffix):
    slug = slug_make(name, suffix=suffix)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= SLUG_LENGTH_MAX


def test_slugs_keep_clear_of_pages():
    assert slug_make("New") == "new-organization"
    assert slug_make("Acme_Corp  GmbH") == "acme-corp-gmbh"


@pytest.mark.parametrize(
    "other",
    ["ada@example.com", "Ada@Example.com", "ada+work@example.com", " ADA+@example.com"],
)
def test_one_mailbox_is_one_identity(other):
    assert identity_hash(other) == identity_hash("ada@example.com")


def test_gmail_does_not_see_dots_and_others_do():
    assert identity_hash("a.d.a+x@googlemail.com") == identity_hash("ada@gmail.com")
    assert identity_hash("a.da@example.com") != identity_hash("ada@example.com")
    assert identity_hash("+tag@example.com") != identity_hash("+other@example.com")
