"""Signing up: the allauth adapter, and what a verified user gets."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """How our sign-up differs from allauth's."""
