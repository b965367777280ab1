"""URLs of billing inside the dashboard."""

from django.urls import path

from billing import views

urlpatterns = [
    path("<slug:slug>/usage", views.usage, name="usage"),
    path("<slug:slug>/billing", views.billing, name="billing"),
    path("<slug:slug>/billing/topup", views.topup, name="topup"),
]
