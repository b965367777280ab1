"""URLs of members, their invites, and further organisations."""

from django.urls import path

from tokenoutput import invite_views, member_views

urlpatterns = [
    path("invite/<str:token>", invite_views.invite, name="invite"),
    path("organizations/new", invite_views.organization_new, name="organization_new"),
    path("app/<slug:slug>/members", member_views.members, name="members"),
    path("app/<slug:slug>/members/<int:member_id>/role", member_views.member_role, name="member_role"),
    path("app/<slug:slug>/members/<int:member_id>/remove", member_views.member_leave, name="member_remove"),
    path("app/<slug:slug>/invites/<int:invite_id>/resend", member_views.invite_again, name="invite_resend"),
    path("app/<slug:slug>/invites/<int:invite_id>/revoke", member_views.invite_stop, name="invite_revoke"),
]
