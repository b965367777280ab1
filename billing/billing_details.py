"""Whom receipts are made out to, as it is typed, checked and printed; pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.utils.translation import gettext as _

from billing.countries import COUNTRIES

LENGTHS: Mapping[str, int] = {
    "name": 100,
    "line1": 100,
    "line2": 100,
    "city": 80,
    "region": 80,
    "postal_code": 20,
    "country": 2,
    "tax_id": 40,
}
_ADDRESS = ("line1", "line2", "city", "region", "postal_code")
_TAX_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ./&+-]*[A-Za-z0-9+])?", re.ASCII)
_POSTAL_CODE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 -]*[A-Za-z0-9])?", re.ASCII)


class DetailsRefused(ValueError):
    """Something of it can't be: `fields` says what of which."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.fields = dict(errors)


@dataclass(frozen=True, slots=True)
class BillingDetails:
    """Company, address and tax id; what nobody gave is empty."""

    name: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    tax_id: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was given."""
        return self == NO_DETAILS

    @property
    def has_address(self) -> bool:
        """Whether any of the address was given."""
        return bool(self.country or any(getattr(self, name) for name in _ADDRESS))

    @property
    def lines(self) -> list[str]:
        """The address as it is printed below the name."""
        place = " ".join(filter(None, (self.postal_code, self.city)))
        place = ", ".join(filter(None, (place, self.region)))
        return [line for line in (self.line1, self.line2, place, COUNTRIES.get(self.country, "")) if line]

    @property
    def one_line(self) -> str:
        """All of it but the tax id, for a cell of a table."""
        return ", ".join(filter(None, (self.name, *self.lines)))

    def kept(self) -> dict[str, str] | None:
        """For a row that has to say the same for ever; None where nothing was given."""
        return None if self.is_empty else {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of(cls, kept: Any) -> "BillingDetails":
        """What `kept` kept."""
        known = {field.name for field in fields(cls)}
        given = kept if isinstance(kept, dict) else {}
        return cls(**{name: str(value) for name, value in given.items() if name in known})


NO_DETAILS = BillingDetails()


def details_clean(given: Mapping[str, str]) -> BillingDetails:
    """What was typed, without stray spaces. Raises `DetailsRefused` with everything that is wrong."""
    typed = {name: " ".join(unicodedata.normalize("NFC", given.get(name, "")).split()) for name in LENGTHS}
    typed["country"], typed["tax_id"] = typed["country"].upper(), typed["tax_id"].upper()
    errors = {name: said for name, value in typed.items() if (said := _wrong(name, value))}
    if not typed["country"] and any(typed[name] for name in _ADDRESS):
        errors["country"] = _("Say in which country this address is.")
    if errors:
        raise DetailsRefused(errors)
    return BillingDetails(**typed)


def _wrong(name: str, value: str) -> str:
    if len(value) > LENGTHS[name]:
        return _("At most %(most)s characters.") % {"most": LENGTHS[name]}
    # Of what can't be seen, joiners alone shape letters; everything else could make a receipt say another thing.
    if any(unicodedata.category(letter)[0] == "C" and letter not in "\u200c\u200d" for letter in value):
        return _("It holds characters that can't be printed.")
    if not value:
        return ""
    if name == "country" and value not in COUNTRIES:
        return _("Choose a country from the list.")
    if name == "tax_id" and not _TAX_ID.fullmatch(value):
        return _("Letters and digits, for example DE123456789.")
    if name == "postal_code" and not _POSTAL_CODE.fullmatch(value):
        return _("Letters and digits, for example 10115.")
    return ""
