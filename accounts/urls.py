"""URLs of accounts inside the dashboard."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.app_home, name="app_home"),
    path("<slug:slug>/keys", views.keys, name="keys"),
    path("<slug:slug>/keys/<int:api_key_id>/revoke", views.key_revoke, name="key_revoke"),
]
