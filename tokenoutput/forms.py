"""The catalog's filter form: it narrows and orders rows, and never refuses a visitor."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.selectors import CatalogRow


class CatalogFilterForm(forms.Form):
    """Search, protocol and order, all in the query string."""

    q = forms.CharField(label=_("Search"), required=False, max_length=100)
    protocol = forms.ChoiceField(
        label=_("Protocol"),
        required=False,
        choices=[
            ("", _("Any")),
            ("openai_chat", _("OpenAI Chat")),
            ("anthropic_messages", _("Anthropic Messages")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[
            ("", _("Recommended")),
            ("input", _("Input price")),
            ("output", _("Output price")),
            ("context", _("Longest context")),
        ],
    )

    def rows(self, rows: list[CatalogRow]) -> list[CatalogRow]:
        """The rows that match, in the order asked for; a value that means nothing filters nothing."""
        self.full_clean()
        words = self.cleaned_data.get("q", "").lower().split()
        protocol = self.cleaned_data.get("protocol")
        found = [
            row
            for row in rows
            if all(word in f"{row.public_id} {row.display_name} {row.description}".lower() for word in words)
            and (not protocol or protocol in row.protocols)
        ]
        match self.cleaned_data.get("sort"):
            case "input":
                found.sort(key=lambda row: Decimal(row.input_usd))
            case "output":
                found.sort(key=lambda row: Decimal(row.output_usd))
            case "context":
                found.sort(key=lambda row: -row.context_tokens)
            case _:
                pass  # The order staff gave.
        return found
