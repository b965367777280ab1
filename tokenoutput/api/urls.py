"""URLs of the management API."""

from django.urls import path, re_path

from tokenoutput.api.base import NothingHere
from tokenoutput.api.catalog import ModelsCountView, ModelsView, ModelView
from tokenoutput.api.credits import AutoTopupsView, CheckoutView, CreditsView
from tokenoutput.api.docs_views import OpenApiView
from tokenoutput.api.invites import InviteOne, InvitesView
from tokenoutput.api.members import MemberOne, MembersView
from tokenoutput.api.organization import OrganizationOne

urlpatterns = [
    path("credits", CreditsView.as_view(), name="api_credits"),
    path("credits/checkout", CheckoutView.as_view(), name="api_checkout"),
    path("credits/auto-topup", AutoTopupsView.as_view(), name="api_auto_topup"),
    path("organization", OrganizationOne.as_view(), name="api_organization"),
    path("organization/members", MembersView.as_view(), name="api_members"),
    path("organization/members/<int:id>", MemberOne.as_view(), name="api_member"),
    path("organization/invites", InvitesView.as_view(), name="api_invites"),
    path("organization/invites/<int:id>", InviteOne.as_view(), name="api_invite"),
    path("openapi.json", OpenApiView.as_view(), name="api_openapi"),
    path("models", ModelsView.as_view(), name="api_models"),
    path("models/count", ModelsCountView.as_view(), name="api_models_count"),
    path("models/<path:id>", ModelView.as_view(), name="api_model"),
    re_path("", NothingHere.as_view()),
]
