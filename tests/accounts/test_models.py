"""The database refuses what the services would never write."""

import pytest
from django.db import IntegrityError

from accounts.models import User


@pytest.mark.django_db
def test_one_user_for_an_address_whatever_its_case():
    User.objects.create_user("ada@example.com")
    with pytest.raises(IntegrityError):
        User(email="ADA@example.com").save()
