"""Filters of the requests and usage pages, all in the query string: what cannot be read is left out, never refused."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.key_names import api_key_ids_named
from accounts.names import NAME_LENGTH_MAX
from accounts.zones import zone_label
from billing.requests import RequestFilter
from billing.usage_series import Bucket, bucket_starts, midnight
from catalog.lookups import model_id_get

NO_MODEL = 0
RANGES = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
RANGE_DEFAULT = "30d"
DAYS_MAX = 366
# Nothing was metered before it, and in no time zone its midnight is before the first year.
DAY_MIN = date(2020, 1, 1)
PROTOCOLS = [
    ("openai_chat", _("OpenAI Chat")),
    ("anthropic_messages", _("Anthropic Messages")),
    ("openai_responses", _("OpenAI Responses")),
    ("openai_embeddings", _("OpenAI Embeddings")),
]
OUTCOMES = [
    ("completed", _("Completed")),
    ("client_gone", _("Client hung up")),
    ("upstream_error", _("Provider error")),
    ("reaped", _("Interrupted")),
    ("void", _("Not charged")),
]


class TolerantForm(forms.Form):
    """A filter never refuses a visitor: a value that cannot be read counts as none. Days are of the current zone."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["since"].label = _("From (%(zone)s)") % {"zone": zone_label()}
        self.fields["until"].label = _("To (%(zone)s)") % {"zone": zone_label()}

    def asked(self) -> dict[str, Any]:
        """What was given and could be read, by field."""
        self.full_clean()
        asked = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        return {name: max(value, DAY_MIN) if isinstance(value, date) else value for name, value in asked.items()}


class RequestsForm(TolerantForm):
    """Which requests to show."""

    model = forms.CharField(label=_("Model"), required=False, max_length=200)
    key = forms.CharField(label=_("API key"), required=False, max_length=NAME_LENGTH_MAX)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False, choices=[("", _("Any")), *OUTCOMES])
    protocol = forms.ChoiceField(label=_("Protocol"), required=False, choices=[("", _("Any")), *PROTOCOLS])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    id = forms.CharField(label=_("Request id"), required=False, max_length=64)

    def only(self, *, organization_id: int) -> RequestFilter:
        """The filter: a model or key that does not exist matches nothing."""
        asked = self.asked()
        key, model, until = asked.get("key"), asked.get("model"), asked.get("until")
        return RequestFilter(
            model_id=(model_id_get(public_id=model) or NO_MODEL) if model else None,
            api_key_ids=api_key_ids_named(organization_id=organization_id, name=key) if key else None,
            outcome=asked.get("outcome", ""),
            protocol=asked.get("protocol", ""),
            since=_midnight(asked.get("since")),
            until=_midnight(until + timedelta(days=1)) if until and until < date.max else None,
        )

    def request_id(self) -> UUID | None:
        """The id that was asked for, if it is one."""
        try:
            return UUID(self.asked().get("id", ""))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Window:
    """From a moment up to, not including, another; counted in such buckets."""

    since: datetime
    until: datetime
    bucket: Bucket

    def starts(self) -> list[datetime]:
        """The beginning of each bucket."""
        return bucket_starts(self.since, self.until, self.bucket)


class UsageForm(TolerantForm):
    """What to count, for how long, and by what."""

    range = forms.ChoiceField(
        label=_("Time"),
        required=False,
        choices=[
            ("24h", _("Last 24 hours")),
            ("7d", _("Last 7 days")),
            ("30d", _("Last 30 days")),
            ("90d", _("Last 90 days")),
        ],
    )
    group = forms.ChoiceField(
        label=_("By"),
        required=False,
        choices=[("model", _("Model")), ("key", _("API key")), ("member", _("Member")), ("protocol", _("Protocol"))],
    )
    metric = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[("spend", _("Spend")), ("tokens", _("Tokens")), ("requests", _("Requests"))],
    )
    since = RequestsForm.base_fields["since"]
    until = RequestsForm.base_fields["until"]

    def chosen(self) -> dict[str, str]:
        """Each choice, given or not."""
        asked = self.asked()
        return {
            "range": asked.get("range", RANGE_DEFAULT),
            "group": asked.get("group", "model"),
            "metric": asked.get("metric", "spend"),
        }

    def window(self) -> Window:
        """The dates that were given, else the range that was chosen, up to and with the present hour or day."""
        asked, now = self.asked(), timezone.now()
        today = timezone.localtime(now).date()
        first, last = asked.get("since"), asked.get("until")
        if first or last:
            last = min(last or today, today + timedelta(days=1))
            first = max(first or last - timedelta(days=30), last - timedelta(days=DAYS_MAX))
            first = min(first, last)
            return Window(midnight(first), midnight(last + timedelta(days=1)), "hour" if first == last else "day")
        length = RANGES[self.chosen()["range"]]
        if length <= timedelta(days=1):
            end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            return Window(end - length, end, "hour")
        tomorrow = today + timedelta(days=1)
        return Window(midnight(tomorrow - length), midnight(tomorrow), "day")


def _midnight(day: date | None) -> datetime | None:
    return midnight(day) if day else None
