"""Every component in every state on one page, for developers: style and contrast are looked at here first."""

import re
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing.charts import chart_stacked

# A section each: templates/styleguide/<name>.html shows what static/css/components/<name>.css draws.
SECTIONS = (
    "tokens",
    "button",
    "icon",
    "segments",
    "shortcuts",
    "field",
    "ticks",
    "notice",
    "badge",
    "card",
    "figure",
    "limit",
    "chart",
    "live",
    "table",
    "empty",
    "dialog",
    "tabs",
    "code",
    "prose",
)
# Styles of one page or one kind of page, which is where they are looked at.
PAGES = (
    "catalog",
    "docs",
    "entrance",
    "incident",
    "key",
    "landing",
    "model",
    "nav",
    "operation",
    "playground",
    "pricing",
    "qr",
    "sheet",
    "simulator",
    "steps",
)
SHADES = ("accent", "good", "warning", "bad", "information")
_TOKEN = re.compile(r"^  --([\w-]+):", re.MULTILINE)


class SampleForm(forms.Form):
    """A field of each kind."""

    name = forms.CharField(help_text="Where you will use it, for example “ci”.", max_length=40)
    amount = forms.DecimalField(label="Amount in US dollars", required=False)
    period = forms.ChoiceField(choices=[("daily", "Each day"), ("monthly", "Each month")])
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    off = forms.CharField(label="Not yours to change", disabled=True, initial="acme", required=False)
    tick = forms.BooleanField(label="Save this card", required=False, help_text="It is charged only by you.")


class SampleTicks(forms.Form):
    """Several things to tick."""

    scopes = forms.MultipleChoiceField(
        choices=[("read", "Read everything"), ("write", "Change everything")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Nothing ticked: nothing allowed.",
    )


@dataclass(frozen=True, slots=True)
class SampleLimit:
    """A spending limit, as far as its bar looks at it."""

    spent_nanos: int
    amount_nanos: int
    period: str
    percent: int
    held_nanos: int = 0
    resets_at: datetime | None = None


@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """The page; where DEBUG is off there is none."""
    if not settings.DEBUG:
        raise Http404
    static = settings.BASE_DIR / "tokenoutput/static"
    tokens = (static / "css/tokens.css").read_text()
    context = {
        "sections": [(name, f"styleguide/{name}.html") for name in SECTIONS],
        "form": SampleForm(auto_id="sample_%s"),
        "refused": SampleForm({"name": "", "amount": "4,50 €", "period": "yearly"}, auto_id="refused_%s"),
        "ticks": SampleTicks({"scopes": ["read"]}, auto_id="ticks_%s"),
        "limits": [
            SampleLimit(12_000_000_000, 50_000_000_000, "monthly", 24, resets_at=timezone.now()),
            SampleLimit(17_000_000_000, 20_000_000_000, "weekly", 85, held_nanos=250_000_000, resets_at=timezone.now()),
            SampleLimit(5_000_000_000, 5_000_000_000, "total", 100),
        ],
        "chart": chart_stacked(
            buckets=[f"{day} Nov" for day in range(1, 13)],
            values={f"house/model-{n}": [(day * n) % 7 + 11 - n for day in range(12)] for n in range(1, 11)},
            others="Others",
        ),
        "neutrals": [name for name in _TOKEN.findall(tokens) if re.fullmatch(r"neutral-\d+", name)],
        "shades": SHADES,
        "sizes": range(1, 9),
        "icons": re.findall(r'symbol id="([^"]+)"', (static / "img/icons.svg").read_text()),
    }
    return render(request, "styleguide/page.html", context)
