"""What a person may ask in the playground: the model, the conversation so far, a message, and how to answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as translated, gettext_lazy as _

from catalog.selectors import CatalogRow
from catalog.templatetags.money import price

TEXT_LENGTH_MAX = 400_000
TURNS_MAX = 200
TOKENS_MAX = 10_000_000
TEMPERATURE_MAX = Decimal(2)


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was said, in the words of the chat protocol."""

    role: str
    content: str

    @property
    def by_model(self) -> bool:
        """Whether the model said it."""
        return self.role == "assistant"


_TURNS = msgspec.json.Decoder(list[Turn])


@dataclass(frozen=True, slots=True)
class Question:
    """One request, as every protocol could word it."""

    model: str
    turns: tuple[Turn, ...] = field(repr=False)
    system: str = field(default="", repr=False)
    max_tokens: int | None = None
    temperature: float | None = None

    def body(self) -> dict[str, Any]:
        """As the chat protocol has it, streamed."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        said = [{"role": turn.role, "content": turn.content} for turn in self.turns]
        options = {"max_tokens": self.max_tokens, "temperature": self.temperature}
        given = {name: value for name, value in options.items() if value is not None}
        return {"model": self.model, "messages": system + said, "stream": True, **given}


class _Models(forms.Select):
    """Each model carries its price, so that the page can say it at once."""

    prices: dict[str, str] = {}

    def create_option(self, name: str, value: Any, *arguments: Any, **options: Any) -> Any:
        option = super().create_option(name, value, *arguments, **options)
        option["attrs"]["data-price"] = self.prices.get(str(value), "")
        return option


class _Words(forms.CharField):
    """Text as it was typed, with the line ends that models know."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        area = forms.Textarea(attrs={"rows": rows, "autocomplete": "off"})
        super().__init__(max_length=TEXT_LENGTH_MAX, strip=False, widget=area, **options)

    def to_python(self, value: Any) -> Any:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class PlaygroundForm(forms.Form):
    """One message more in a conversation that only the page keeps."""

    model = forms.ChoiceField(label=_("Model"), widget=_Models)
    system = _Words(
        label=_("System prompt"), required=False, rows=3, help_text=_("What the model is told before you speak.")
    )
    max_tokens = forms.IntegerField(
        label=_("Output tokens, at most"),
        required=False,
        min_value=1,
        max_value=TOKENS_MAX,
        help_text=_("Empty: as many as the model gives."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    temperature = forms.DecimalField(
        label=_("Temperature"),
        required=False,
        min_value=Decimal(0),
        max_value=TEMPERATURE_MAX,
        max_digits=4,
        decimal_places=2,
        help_text=_("From 0 to 2. Empty: the model's own."),
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.05", "autocomplete": "off"}),
    )
    message = _Words(label=_("Your message"), rows=4)
    history = forms.CharField(required=False, strip=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    def __init__(self, *arguments: Any, rows: Sequence[CatalogRow], **named: Any) -> None:
        super().__init__(*arguments, **named)
        model = self.fields["model"]
        assert isinstance(model, forms.ChoiceField)
        assert isinstance(model.widget, _Models)
        model.choices = [(row.public_id, row.public_id) for row in rows]
        model.widget.prices = {row.public_id: price_words(row) for row in rows}
        model.error_messages["invalid_choice"] = _("This model is not for sale here, or not for your playground key.")

    def clean_message(self) -> str:
        """Blanks alone ask nothing."""
        text: str = self.cleaned_data["message"]
        if not text.strip():
            raise ValidationError(_("Write something for the model to answer."))
        return text

    def clean_history(self) -> tuple[Turn, ...]:
        """Turns that take turns, the model's last."""
        try:
            turns = tuple(_TURNS.decode(self.cleaned_data["history"] or "[]"))
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValidationError(_("The conversation cannot be read: clear it and begin anew.")) from error
        roles = [turn.role for turn in turns]
        if len(turns) > TURNS_MAX or roles != ["user", "assistant"] * (len(turns) // 2):
            raise ValidationError(_("The conversation cannot be continued: clear it and begin anew."))
        return turns

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation so far, where it could be read."""
        return self.cleaned_data.get("history", ()) if self.is_bound else ()

    def question(self, *, hello: str = "") -> Question:
        """What is asked; in a form that is only half filled in, `hello` stands for what is missing."""
        data = self.cleaned_data if self.is_bound else {}
        message = data.get("message") or hello
        temperature = data.get("temperature")
        return Question(
            model=data.get("model") or self["model"].initial or "",
            turns=(*self.turns, Turn("user", message)),
            system=data.get("system") or "",
            max_tokens=data.get("max_tokens"),
            temperature=None if temperature is None else float(temperature),
        )


def history_words(turns: Sequence[Turn]) -> str:
    """A conversation as the page carries it along."""
    return msgspec.json.encode(turns).decode()


def price_words(row: CatalogRow) -> str:
    """What a model costs, in one line."""
    if row.free:
        return translated("Free")
    words = {"in": price(row.input_usd), "out": price(row.output_usd)}
    return translated("%(in)s in, %(out)s out per million tokens") % words
