"""Credentials at rest: sealed with the keys of FIELD_ENCRYPTION_KEYS, opened only by who asks for it by name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

# Every Fernet token starts so (version byte 0x80 and the first zero bytes of the time): the CHECK on the column knows.
SEALED_PREFIX = "gAAAA"
# The last four letters are shown only of a credential long enough for them to give nothing away.
SHOWN_LENGTH_MIN = 16


class SecretUnreadable(Exception):
    """Sealed with a key that is no longer in FIELD_ENCRYPTION_KEYS, or damaged."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A sealed text. Falsy when there is none; no `str`, `repr` or dump of a row shows what is inside."""

    sealed: str = ""

    @classmethod
    def of(cls, text: str) -> "Secret":
        """Seal `text` with the first key; the empty text stays empty."""
        return cls(_fernet().encrypt(text.encode()).decode()) if text else cls()

    def reveal(self) -> str:
        """The text itself; `SecretUnreadable` when no key opens it."""
        if not self.sealed:
            return ""
        try:
            return _fernet().decrypt(self.sealed.encode()).decode()
        except (InvalidToken, ValueError) as error:
            raise SecretUnreadable from error

    def hint(self) -> str:
        """What a person may see: the last four characters, of a long credential only."""
        if not self.sealed:
            return "not set"
        try:
            text = self.reveal()
        except SecretUnreadable:
            return "set, but no key of FIELD_ENCRYPTION_KEYS opens it"
        return f"set, ends in {text[-4:]}" if len(text) >= SHOWN_LENGTH_MIN else "set"

    def __bool__(self) -> bool:
        return bool(self.sealed)

    def __repr__(self) -> str:
        return "Secret(set)" if self.sealed else "Secret()"

    __str__ = __repr__


if TYPE_CHECKING:  # Django's fields take type arguments in their stubs only.
    _SecretColumn = models.TextField[Secret | str, Secret]
else:
    _SecretColumn = models.TextField


class SecretField(_SecretColumn):
    """A column of sealed texts. Plain text assigned to it is sealed on the way into the database.

    Two seals of one text differ, so the column can be compared only with the empty text.
    """

    def from_db_value(self, value: str | None, *_: object) -> Secret:
        return Secret(value or "")

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Secret) else Secret.of(str(value or ""))

    def get_prep_value(self, value: Any) -> str:
        return value.sealed if isinstance(value, Secret) else Secret.of(str(value or "")).sealed

    def value_to_string(self, obj: models.Model) -> str:
        return ""  # A dump of the tables carries no credential, sealed or not.


def _fernet() -> MultiFernet:
    if not settings.FIELD_ENCRYPTION_KEYS:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is empty: provider credentials cannot be kept.")
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
