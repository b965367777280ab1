"""What a column holds, for constraints."""

from django.db import models


class OctetLength(models.Func):
    """The length of a text or bytes in bytes."""

    function = "octet_length"
    output_field = models.IntegerField()


class JsonKind(models.Func):
    """Of which kind a JSON value is: `array`, `object`, `string` …"""

    function = "jsonb_typeof"
    output_field = models.TextField()
