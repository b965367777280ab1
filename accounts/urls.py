"""URLs of accounts inside the dashboard."""

from django.urls import path

from accounts import organization_views, views

urlpatterns = [
    path("", views.app_home, name="app_home"),
    path("<slug:slug>/settings", organization_views.organization_settings, name="organization_settings"),
    path("<slug:slug>/audit", organization_views.audit, name="audit"),
]
