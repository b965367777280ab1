"""Staff's door to accounts: users, organisations, members, API keys without their secrets."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import ApiKey, Membership, Organization, StarterIdentity, User
from accounts.services import api_key_revoke

if TYPE_CHECKING:  # these are generic to the type checker alone
    _AddForm = AdminUserCreationForm[User]
    _Inline = admin.TabularInline[Membership, Any]
    _UserAdmin = DjangoUserAdmin[User]
    _OrganizationAdmin = admin.ModelAdmin[Organization]
    _MembershipAdmin = admin.ModelAdmin[Membership]
    _ApiKeyAdmin = admin.ModelAdmin[ApiKey]
    _StarterIdentityAdmin = admin.ModelAdmin[StarterIdentity]
else:
    _AddForm, _Inline, _UserAdmin = AdminUserCreationForm, admin.TabularInline, DjangoUserAdmin
    _OrganizationAdmin = _MembershipAdmin = _ApiKeyAdmin = _StarterIdentityAdmin = admin.ModelAdmin


class UserAddForm(_AddForm):
    """An address, and a password or none."""

    class Meta:
        model = User
        fields = ["email"]
        field_classes = {"email": forms.EmailField}


class MembershipInline(_Inline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user", "organization"]
    readonly_fields = ["created_at"]


@admin.register(User)
class UserAdmin(_UserAdmin):
    """Users are deactivated, never deleted: what they did stays theirs."""

    add_form = UserAddForm
    list_display = ["email", "is_active", "is_staff", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["email", "organizations__slug", "organizations__name"]
    ordering = ["-id"]
    readonly_fields = ["date_joined", "last_login"]
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("What they may do", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("When", {"fields": ["date_joined", "last_login"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "usable_password", "password1", "password2"]})]

    def get_inlines(self, request: HttpRequest, obj: Any | None) -> list[Any]:
        return [] if obj is None else list(self.inlines)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(_OrganizationAdmin):
    """Organisations are made by signing up or by `organization_create`, which open the wallet as well."""

    list_display = ["name", "slug", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug", "memberships__user__email"]
    ordering = ["-id"]
    readonly_fields = ["slug", "created_at"]
    inlines = [MembershipInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(_MembershipAdmin):
    list_display = ["user", "organization", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "organization"]
    search_fields = ["user__email", "organization__slug", "organization__name"]
    autocomplete_fields = ["user", "organization"]
    readonly_fields = ["created_at"]
    ordering = ["-id"]


@admin.register(ApiKey)
class ApiKeyAdmin(_ApiKeyAdmin):
    """Read and revoke: a secret is shown once, to the member who makes the key."""

    list_display = ["name", "prefix", "last_four", "organization", "expires_at", "disabled_at", "revoked_at"]
    list_filter = ["disabled_at", "revoked_at", "expires_at"]
    list_select_related = ["organization"]
    search_fields = ["prefix", "last_four", "name", "organization__slug", "member__user__email"]
    search_help_text = "Prefix, last four characters, name, organisation or e-mail address"
    ordering = ["-id"]
    fields = (
        "organization", "member", "name", "public_hash", "prefix", "last_four", "allowed_models", "allowed_ips",
        "requests_per_minute", "created_at", "expires_at", "disabled_at", "revoked_at", "last_used_at",
        "previous_valid_until", "is_playground",
    )  # fmt: skip
    readonly_fields = fields
    actions = ["revoke"]

    @admin.action(description="Revoke the chosen API keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Stop the keys at once."""
        for api_key in queryset:
            api_key_revoke(organization_id=api_key.organization_id, api_key_id=api_key.id)
        self.message_user(request, f"Revoked: {queryset.count()}.", messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


@admin.register(StarterIdentity)
class StarterIdentityAdmin(_StarterIdentityAdmin):
    """Who has had the starter credit; deleting a row grants that person another."""

    list_display = ["organization", "created_at"]
    search_fields = ["organization__slug"]
    fields = ("organization", "created_at")
    readonly_fields = fields
    ordering = ["-id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False
