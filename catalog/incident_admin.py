"""Staff's door to incidents: what is written here is on /status as soon as it is saved."""

from typing import TYPE_CHECKING

from django.contrib import admin

from catalog.models import Incident, IncidentUpdate

if TYPE_CHECKING:  # Django's admin takes type arguments in its stubs only.
    _IncidentAdmin = admin.ModelAdmin[Incident]
    _UpdateInline = admin.StackedInline[IncidentUpdate, Incident]
else:
    _IncidentAdmin, _UpdateInline = admin.ModelAdmin, admin.StackedInline


class UpdateInline(_UpdateInline):
    model = IncidentUpdate
    extra = 1
    verbose_name = "update"
    verbose_name_plural = "updates, newest first"
    fields = ["at", "text"]


@admin.register(Incident)
class IncidentAdmin(_IncidentAdmin):
    list_display = ["title", "state", "impact", "began_at", "ended_at"]
    list_filter = ["state", "impact"]
    search_fields = ["title", "updates__text"]
    autocomplete_fields = ["affected"]
    inlines = [UpdateInline]
    fieldsets = [
        (None, {"fields": ["title", "state", "impact"]}),
        (
            "What it affects",
            {"fields": ["all_models", "affected"], "description": "Neither: it is about the site, not about models."},
        ),
        ("When", {"fields": ["began_at", "ended_at"]}),
    ]
