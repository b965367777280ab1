"""URLs of one API key, and of management keys."""

from django.urls import path

from tokenoutput import key_page_views, management_key_views

KEY = "app/<slug:slug>/keys/<slug:public_hash>"
urlpatterns = [
    path(KEY, key_page_views.key, name="key"),
    path(f"{KEY}/rotate", key_page_views.key_rotate, name="key_rotate"),
    path(f"{KEY}/disable", key_page_views.key_disable, name="key_disable"),
    path(f"{KEY}/enable", key_page_views.key_enable, name="key_enable"),
    path(f"{KEY}/revoke", key_page_views.key_revoke, name="key_revoke"),
    path("app/<slug:slug>/management-keys", management_key_views.management_keys, name="management_keys"),
    path(
        "app/<slug:slug>/management-keys/<int:management_key_id>/revoke",
        management_key_views.management_key_end,
        name="management_key_revoke",
    ),
]
