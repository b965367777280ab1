"""Forms that were sent, as rows: for a day, so that sending one twice makes one thing."""

from django.db import models
from django.utils import timezone


class FormNote(models.Model):
    """A form that was sent and did what it asks; `fingerprint` is of the sender, the token and all fields."""

    fingerprint = models.BinaryField(max_length=32, unique=True)
    name = models.CharField(max_length=254)
    page = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        # The site kept it before, and processes of that version may still run beside this one.
        db_table = "tokenoutput_formnote"
        indexes = [models.Index(name="form_note_age", fields=["created_at"])]

    def __str__(self) -> str:
        return self.name
