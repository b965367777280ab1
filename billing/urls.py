"""URLs of billing inside the dashboard."""

from django.urls import path

from billing import alert_views, views

urlpatterns = [
    path("<slug:slug>/alerts", alert_views.alerts, name="alerts"),
    path("<slug:slug>/alerts/test", alert_views.alerts_test, name="alerts_test"),
    path("<slug:slug>/alerts/secret", alert_views.alerts_secret, name="alerts_secret"),
    path("<slug:slug>/usage", views.usage, name="usage"),
    path("<slug:slug>/billing", views.billing, name="billing"),
    path("<slug:slug>/billing/topup", views.topup, name="topup"),
]
