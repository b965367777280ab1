"""URLs of the site."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from billing.profile_views import receipts_stop
from billing.recipient_views import recipient, recipient_stop
from billing.stripe_views import stripe_webhook
from tokenoutput import (
    appearance,
    catalog_views,
    feed_views,
    key_views,
    landing_views,
    pricing_views,
    profile_views,
    shortcuts,
    site_views,
    status_views,
    views,
    zone_views,
)
from tokenoutput.api.docs_views import docs_api, openapi_root
from tokenoutput.connect.views import connect
from tokenoutput.documentation.views import docs_page, docs_twin, legal_page, legal_twin
from tokenoutput.live import views as live_views
from tokenoutput.newcomer import views as newcomer_views
from tokenoutput.styleguide import styleguide

handler403 = "tokenoutput.denied.denied"
urlpatterns = [
    path("", landing_views.landing, name="landing"),
    path("models", catalog_views.models, name="models"),
    path("models.md", catalog_views.models_markdown),
    path("models/<path:public_id>.md", catalog_views.model_markdown, name="model_markdown"),
    path("models/<path:public_id>", catalog_views.model, name="model"),
    path("status", status_views.status, name="status"),
    path("pricing", pricing_views.pricing, name="pricing"),
    path("pricing.md", pricing_views.pricing_markdown, name="pricing_markdown"),
    path("docs/", docs_page, name="docs"),
    path("docs/api", docs_api, name="docs_api"),
    path("docs/conversion", docs_page, {"slug": "conversion"}, name="docs_conversion"),
    path("docs/<slug:slug>.md", docs_twin, name="docs_twin"),
    path("docs/<slug:slug>", docs_page, name="docs_page"),
    path("legal/<slug:slug>.md", legal_twin, name="legal_twin"),
    path("legal/<slug:slug>", legal_page, name="legal"),
    path("models.xml", feed_views.models_feed, name="models_feed"),
    path("status.xml", feed_views.status_feed, name="status_feed"),
    path("changelog.xml", feed_views.changelog_feed, name="changelog_feed"),
    path("changelog", site_views.changelog, name="changelog"),
    path("llms.txt", site_views.llms, name="llms"),
    path("sitemap.xml", site_views.sitemap, name="sitemap"),
    path("robots.txt", site_views.robots, name="robots"),
    path("openapi.json", openapi_root, name="openapi_root"),
    path("api/v1/", include("tokenoutput.api.urls")),
    path("auth", connect, name="connect"),
    path("styleguide/", styleguide, name="styleguide"),
    path("theme", appearance.theme, name="theme"),
    path("zone", zone_views.zone, name="zone"),
    path("shortcuts", shortcuts.shortcuts, name="shortcuts"),
    path("app/me", profile_views.profile, name="profile"),
    path("app/", include("accounts.urls")),
    path("", include("tokenoutput.member_urls")),
    path("app/<slug:slug>/", views.overview, name="overview"),
    path("app/quickstart", newcomer_views.quickstart_any, name="quickstart_any"),
    path("app/<slug:slug>/quickstart", newcomer_views.quickstart, name="quickstart"),
    path("app/<slug:slug>/quickstart/run", newcomer_views.quickstart_run, name="quickstart_run"),
    path("", include("tokenoutput.playground.urls")),
    path("app/<slug:slug>/live", live_views.live, name="live"),
    path("app/<slug:slug>/keys", key_views.keys, name="keys"),
    path("", include("tokenoutput.key_urls")),
    path("app/<slug:slug>/keys/<int:api_key_id>/limit", key_views.key_limit, name="key_limit"),
    path("app/<slug:slug>/members/<int:member_id>/cap", key_views.member_cap, name="member_cap"),
    path("app/<slug:slug>/limits/<int:limit_id>/remove", key_views.limit_delete, name="limit_remove"),
    path("app/", include("billing.urls")),
    path("alerts/confirm/<str:token>", recipient, name="alert_recipient"),
    path("alerts/stop/<str:token>", recipient_stop, name="alert_stop"),
    path("receipts/stop/<str:token>", receipts_stop, name="receipts_stop"),
    path("webhooks/stripe", stripe_webhook, name="stripe_webhook"),
    path("accounts/", include("allauth.urls")),
    # Staff sign in where everybody does: one form, with its limits on attempts.
    path("admin/login/", secure_admin_login(admin.site.login)),
    path("admin/", admin.site.urls),
]
if settings.STRIPE_SIMULATOR_FILE:
    urlpatterns.append(path("stripe-simulator/", include("billing.simulator.urls")))
