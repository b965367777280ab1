"""The pricing page's two forms: which way of buying fits, and what a month would cost. Both live in the URL."""

from collections.abc import Mapping, Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.amounts import AmountField
from catalog.money import NANOS_PER_USD
from catalog.selectors import CatalogRow
from tokenoutput.worked_example import INPUT_TOKENS, OUTPUT_TOKENS, Estimate, Work, work_estimate

BALANCE_MAX_NANOS = 1_000_000 * NANOS_PER_USD


class WhichForm(forms.Form):
    """Three questions; what is left open decides nothing."""

    use = forms.ChoiceField(
        label=_("What is it for?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[("try", _("Trying it out")), ("run", _("Something that runs"))],
    )
    empty = forms.ChoiceField(
        label=_("When the balance runs out?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[("stop", _("Stop: I decide")), ("refill", _("Refill up to a cap"))],
    )
    pay = forms.ChoiceField(
        label=_("How do you pay?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[("card", _("Card, now")), ("invoice", _("Invoice, by agreement"))],
    )

    def suggestion(self, *, starter: bool) -> str:
        """The column that fits: starter, payg, auto or invoice; empty while nothing was answered."""
        self.full_clean()
        answers = self.cleaned_data
        if answers.get("pay") == "invoice":
            return "invoice"
        if answers.get("empty") == "refill":
            return "auto"
        if answers.get("use") == "try" and starter:
            return "starter"
        return "payg" if any(answers.values()) else ""


class EstimateForm(forms.Form):
    """What a visitor expects to send; absent fields have usual values."""

    model = forms.ChoiceField(label=_("Model"), required=False)
    requests = forms.IntegerField(label=_("Requests a day"), min_value=1, max_value=10_000_000, initial=1_000)
    input = forms.IntegerField(label=_("Input tokens each"), min_value=0, max_value=10_000_000, initial=INPUT_TOKENS)
    output = forms.IntegerField(label=_("Output tokens each"), min_value=0, max_value=1_000_000, initial=OUTPUT_TOKENS)
    cached = forms.IntegerField(label=_("Of the input cached, %"), min_value=0, max_value=100, initial=0)
    days = forms.IntegerField(label=_("Days a month"), min_value=1, max_value=31, initial=22)
    balance = AmountField(
        label=_("Money put in, $"), min_nanos=0, max_nanos=BALANCE_MAX_NANOS, initial="20.00", required=False
    )

    def __init__(self, query: Mapping[str, str], *, rows: Sequence[CatalogRow]) -> None:
        self._rows = {row.public_id: row for row in rows if "embeddings" not in row.capabilities}
        usual = {name: str(field.initial) for name, field in self.base_fields.items() if field.initial is not None}
        first = next((name for name, row in self._rows.items() if not row.free), next(iter(self._rows), ""))
        asked = {name: query[name] for name in self.base_fields if query.get(name)}
        if asked.get("model") not in self._rows:
            asked["model"] = first
        super().__init__(usual | asked)
        choices = [(name, name) for name in self._rows]
        model = self.fields["model"]
        assert isinstance(model, forms.ChoiceField)
        model.choices = choices

    @property
    def row(self) -> CatalogRow | None:
        """The model that is asked for, or the first."""
        return self._rows.get(self.data["model"])

    def estimate(self) -> Estimate | None:
        """None where a number is none, or there is no model."""
        if not self.is_valid() or self.row is None:
            return None
        given = self.cleaned_data
        work = Work(
            requests=given["requests"],
            input_tokens=given["input"],
            output_tokens=given["output"],
            cached_percent=given["cached"],
            days=given["days"],
        )
        return work_estimate(self.row, work, balance_nanos=given["balance"] or 0)
