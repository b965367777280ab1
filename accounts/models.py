"""Who may call us: users, organisations, their members and API keys."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.api_key_models import ApiKey as ApiKey
from accounts.columns import OctetLength as OctetLength
from accounts.form_note_models import FormNote as FormNote
from accounts.management_key_models import ManagementKey as ManagementKey
from accounts.names import NAME_LENGTH_MAX, SLUG_LENGTH_MAX
from accounts.roles import Role


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail address, in any case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user; without a password only a reset by e-mail gets in."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a member of staff who may do everything in the admin."""
        return self.create_user(email, password, **(fields | {"is_staff": True, "is_superuser": True}))

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with this e-mail address."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person; the e-mail address is the login."""

    email = models.EmailField(max_length=254, unique=True)
    is_active = models.BooleanField(default=True, help_text="Untick instead of deleting a user.")
    is_staff = models.BooleanField(default=False, help_text="May open the admin.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            # Together with the unique index: one user for an address, whatever its case.
            models.CheckConstraint(name="user_email_lower", condition=Q(email=Lower("email"))),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Forms may say Ada@Example.com; the table holds one spelling."""
        super().clean()
        self.email = self.email.strip().lower()


class Organization(models.Model):
    """The tenant: it owns the wallet and the API keys."""

    name = models.CharField(max_length=NAME_LENGTH_MAX)
    slug = models.SlugField(max_length=SLUG_LENGTH_MAX, unique=True)
    is_active = models.BooleanField(default=True, help_text="Untick and every API key stops at once.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="organizations")

    class Meta:
        constraints = [
            models.CheckConstraint(name="organization_name_given", condition=~Q(name="")),
            models.CheckConstraint(name="organization_slug_form", condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user in an organisation, with a role."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="membership_unique", fields=["user", "organization"]),
            models.CheckConstraint(name="membership_role_known", condition=Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} ({self.role})"


class StarterIdentity(models.Model):
    """A verified person who has had the starter credit: kept as a hash, so a second account gets none."""

    identity_hash = models.BinaryField(max_length=32, unique=True)
    organization = models.ForeignKey(
        Organization, on_delete=models.SET_NULL, null=True, related_name="starter_identities"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "starter identities"
        constraints = [
            models.CheckConstraint(
                name="starter_identity_hash_length", condition=Exact(OctetLength("identity_hash"), 32)
            ),
        ]


class Invite(models.Model):
    """Somebody asked into an organisation; the token of the link is kept as a hash."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invites")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16, choices=Role.choices)
    cap_nanos = models.BigIntegerField(null=True, blank=True)
    token_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="invite_waiting_unique",
                fields=["organization", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
            ),
            models.CheckConstraint(name="invite_email_lower", condition=Q(email=Lower("email"))),
            models.CheckConstraint(name="invite_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(name="invite_cap_positive", condition=Q(cap_nanos=None) | Q(cap_nanos__gt=0)),
            models.CheckConstraint(name="invite_hash_length", condition=Exact(OctetLength("token_hash"), 32)),
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.organization} ({self.role})"


class AuditEntry(models.Model):
    """One line of an organisation's audit log. It outlives what it speaks of: ids and names, no foreign keys."""

    organization_id = models.BigIntegerField()
    user_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=254, blank=True)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(name="audit_of_organization", fields=["organization_id", "-id"])]
        constraints = [models.CheckConstraint(name="audit_action_given", condition=~Q(action=""))]
