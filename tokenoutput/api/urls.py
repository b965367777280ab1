"""URLs of the management API."""

from django.urls import path, re_path

from tokenoutput.api.activity import ActivityView
from tokenoutput.api.alerts import AlertsTest, AlertsView
from tokenoutput.api.analytics import AnalyticsMetaView, AnalyticsQueryView
from tokenoutput.api.base import NothingHere
from tokenoutput.api.budgets import BudgetOne, BudgetsView
from tokenoutput.api.catalog import ModelByOpenRouter, ModelsCountView, ModelsUserView, ModelsView, ModelView
from tokenoutput.api.connect import ConnectView
from tokenoutput.api.credits import AutoTopupsView, CheckoutView, CreditsView
from tokenoutput.api.docs_views import OpenApiView
from tokenoutput.api.endpoints import EndpointsView
from tokenoutput.api.generation import GenerationView
from tokenoutput.api.generations import GenerationsView
from tokenoutput.api.invites import InviteOne, InvitesView
from tokenoutput.api.keys import KeyOne, KeyRotation, KeysView
from tokenoutput.api.ledger import LedgerView
from tokenoutput.api.members import MemberOne, MembersView
from tokenoutput.api.organization import OrganizationOne
from tokenoutput.api.own_key import OwnKey
from tokenoutput.api.providers import ProvidersView
from tokenoutput.api.receipts import ReceiptOne, ReceiptsView
from tokenoutput.api.webhooks import (
    WebhookDeliveries,
    WebhookOne,
    WebhookRedelivery,
    WebhookRotation,
    WebhooksView,
    WebhookTest,
)

urlpatterns = [
    path("organization/budgets", BudgetsView.as_view(), name="api_budgets"),
    path("organization/budgets/<str:interval>", BudgetOne.as_view(), name="api_budget"),
    path("ledger", LedgerView.as_view(), name="api_ledger"),
    path("receipts", ReceiptsView.as_view(), name="api_receipts"),
    path("receipts/<uuid:id>", ReceiptOne.as_view(), name="api_receipt"),
    path("alerts", AlertsView.as_view(), name="api_alerts"),
    path("alerts/test", AlertsTest.as_view(), name="api_alerts_test"),
    path("webhooks", WebhooksView.as_view(), name="api_webhooks"),
    path("webhooks/<str:id>", WebhookOne.as_view(), name="api_webhook"),
    path("webhooks/<str:id>/rotate", WebhookRotation.as_view(), name="api_webhook_rotate"),
    path("webhooks/<str:id>/test", WebhookTest.as_view(), name="api_webhook_test"),
    path("webhooks/<str:id>/deliveries", WebhookDeliveries.as_view(), name="api_webhook_deliveries"),
    path(
        "webhooks/<str:id>/deliveries/<str:delivery_id>/redeliver",
        WebhookRedelivery.as_view(),
        name="api_webhook_redeliver",
    ),
    path("key", OwnKey.as_view(), name="api_own_key"),
    path("keys", KeysView.as_view(), name="api_keys"),
    path("keys/<str:hash>", KeyOne.as_view(), name="api_key"),
    path("keys/<str:hash>/rotate", KeyRotation.as_view(), name="api_key_rotate"),
    path("activity", ActivityView.as_view(), name="api_activity"),
    path("analytics/meta", AnalyticsMetaView.as_view(), name="api_analytics_meta"),
    path("analytics/query", AnalyticsQueryView.as_view(), name="api_analytics_query"),
    path("generation", GenerationView.as_view(), name="api_generation"),
    path("generations", GenerationsView.as_view(), name="api_generations"),
    path("credits", CreditsView.as_view(), name="api_credits"),
    path("credits/checkout", CheckoutView.as_view(), name="api_checkout"),
    path("credits/auto-topup", AutoTopupsView.as_view(), name="api_auto_topup"),
    path("organization", OrganizationOne.as_view(), name="api_organization"),
    path("organization/members", MembersView.as_view(), name="api_members"),
    path("organization/members/<int:id>", MemberOne.as_view(), name="api_member"),
    path("organization/invites", InvitesView.as_view(), name="api_invites"),
    path("organization/invites/<int:id>", InviteOne.as_view(), name="api_invite"),
    path("providers", ProvidersView.as_view(), name="api_providers"),
    path("auth/keys", ConnectView.as_view(), name="api_connect"),
    path("openapi.json", OpenApiView.as_view(), name="api_openapi"),
    path("model/<path:id>", ModelByOpenRouter.as_view(), name="api_model_openrouter"),
    path("models", ModelsView.as_view(), name="api_models"),
    path("models/count", ModelsCountView.as_view(), name="api_models_count"),
    path("models/user", ModelsUserView.as_view(), name="api_models_user"),
    path("models/<path:id>/endpoints", EndpointsView.as_view(), name="api_endpoints"),
    path("models/<path:id>", ModelView.as_view(), name="api_model"),
    re_path("", NothingHere.as_view()),
]
