"""Filters of the requests and usage pages, all in the query string: what cannot be read is left out, never refused."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.key_names import api_key_ids_named
from accounts.names import NAME_LENGTH_MAX
from billing.requests import RequestFilter
from billing.usage_series import Bucket
from catalog.lookups import model_id_get

NO_MODEL = 0
RANGES = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
RANGE_DEFAULT = "30d"
DAYS_MAX = 366
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
    """A filter never refuses a visitor: a value that cannot be read counts as none."""

    def asked(self) -> dict[str, Any]:
        """What was given and could be read, by field."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


class RequestsForm(TolerantForm):
    """Which requests to show."""

    model = forms.CharField(label=_("Model"), required=False, max_length=200)
    key = forms.CharField(label=_("API key"), required=False, max_length=NAME_LENGTH_MAX)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False, choices=[("", _("Any")), *OUTCOMES])
    protocol = forms.ChoiceField(label=_("Protocol"), required=False, choices=[("", _("Any")), *PROTOCOLS])
    since = forms.DateField(
        label=_("From (UTC)"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("To (UTC)"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
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
        step = timedelta(hours=1) if self.bucket == "hour" else timedelta(days=1)
        count = -(-(self.until - self.since) // step)
        return [self.since + step * number for number in range(count)]


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
        asked, now = self.asked(), timezone.now().astimezone(UTC)
        first, last = asked.get("since"), asked.get("until")
        if first or last:
            last = min(last or now.date(), now.date() + timedelta(days=1))
            first = max(first or last - timedelta(days=30), last - timedelta(days=DAYS_MAX))
            first = min(first, last)
            return Window(_day(first), _day(last + timedelta(days=1)), "hour" if first == last else "day")
        length = RANGES[self.chosen()["range"]]
        if length <= timedelta(days=1):
            end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            return Window(end - length, end, "hour")
        end = _day(now.date() + timedelta(days=1))
        return Window(end - length, end, "day")


def _midnight(day: date | None) -> datetime | None:
    return _day(day) if day else None


def _day(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
