"""Incidents as rows: what staff tell everybody of something that went wrong, while it lasts and after."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IncidentState(models.TextChoices):
    """How far it has come."""

    INVESTIGATING = "investigating", _("Investigating")
    IDENTIFIED = "identified", _("Identified")
    MONITORING = "monitoring", _("Monitoring")
    RESOLVED = "resolved", _("Resolved")


class IncidentImpact(models.TextChoices):
    """What customers notice of it."""

    MINOR = "minor", _("Minor: slower, or a few requests fail")
    MAJOR = "major", _("Major: many requests fail")
    CRITICAL = "critical", _("Critical: nothing works")


class Incident(models.Model):
    """Something that went wrong, in staff's words. It has ended when it is resolved."""

    title = models.CharField(max_length=200)
    state = models.CharField(max_length=15, choices=IncidentState, default=IncidentState.INVESTIGATING)
    impact = models.CharField(max_length=10, choices=IncidentImpact, default=IncidentImpact.MINOR)
    all_models = models.BooleanField(default=False, help_text="Whatever is named below.")
    affected = models.ManyToManyField("catalog.Model", blank=True, related_name="+", verbose_name="affected models")
    began_at = models.DateTimeField("began", default=timezone.now, help_text="UTC.")
    ended_at = models.DateTimeField("ended", null=True, blank=True, help_text="UTC; empty and resolved: now.")

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="incident_ended_is_resolved",
                condition=Q(state="resolved", ended_at__isnull=False) | (~Q(state="resolved") & Q(ended_at=None)),
                violation_error_message="An incident has ended when it is resolved, and only then.",
            ),
            models.CheckConstraint(
                name="incident_ends_after_it_began",
                condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at")),
                violation_error_message="An incident cannot end before it began.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.state == IncidentState.RESOLVED:
            self.ended_at = self.ended_at or timezone.now()
        elif self.ended_at is not None:
            raise ValidationError({"ended_at": "Choose resolved, or leave this empty."})


class IncidentUpdate(models.Model):
    """What staff knew and said at one time. Plain text: it is shown as it is written."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    at = models.DateTimeField(default=timezone.now, help_text="UTC.")
    text = models.TextField(max_length=5000, help_text="Plain text; an empty line begins a paragraph.")

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return self.text[:80]
