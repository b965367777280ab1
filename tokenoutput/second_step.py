"""The second step of signing in: its secrets are sealed like providers' credentials."""

from allauth.mfa.adapter import DefaultMFAAdapter

from catalog.encryption import Secret


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is not typed
    """How our second step differs from allauth's."""

    def encrypt(self, text: str) -> str:
        """What the database keeps of a secret."""
        return Secret.of(text).sealed

    def decrypt(self, encrypted_text: str) -> str:
        """The secret again."""
        return Secret(encrypted_text).reveal()
