"""Incidents as everybody may read them: the open ones, and those that ended lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from catalog.models import Incident, Model

HISTORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class UpdateView:
    """What staff said, and when."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident with its updates, newest first; `models` are those of them that are listed."""

    id: int
    title: str
    state: str
    state_name: str
    impact: str
    impact_name: str
    all_models: bool
    models: tuple[str, ...]
    began_at: datetime
    ended_at: datetime | None
    updates: tuple[UpdateView, ...]

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    @property
    def changed_at(self) -> datetime:
        """When something was last told of it."""
        return max([self.began_at, *([self.ended_at] if self.ended_at else []), *[one.at for one in self.updates]])


def incidents_recent() -> list[IncidentView]:
    """The open ones and those that ended in the last `HISTORY_DAYS`, the newest first. Three queries at most."""
    since = timezone.now() - timedelta(days=HISTORY_DAYS)
    return _views(Incident.objects.filter(Q(ended_at=None) | Q(ended_at__gte=since)))


def incidents_open() -> list[IncidentView]:
    """Those that go on, the newest first. One query where there is none."""
    return _views(Incident.objects.filter(ended_at=None))


def _views(rows: QuerySet[Incident]) -> list[IncidentView]:
    listed = Prefetch("affected", queryset=Model.objects.filter(listed=True))
    return [
        IncidentView(
            id=row.id,
            title=row.title,
            state=row.state,
            state_name=row.get_state_display(),
            impact=row.impact,
            impact_name=row.get_impact_display().partition(":")[0],
            all_models=row.all_models,
            models=tuple(model.public_id for model in row.affected.all()),
            began_at=row.began_at,
            ended_at=row.ended_at,
            updates=tuple(UpdateView(at=one.at, text=one.text) for one in row.updates.all()),
        )
        for row in rows.prefetch_related("updates", listed)
    ]
