"""URLs of the site."""

from django.contrib import admin
from django.urls import include, path

from tokenoutput import views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("models", views.models, name="models"),
    path("docs/", views.docs, name="docs"),
    path("app/", include("accounts.urls")),
    path("app/<slug:slug>/", views.overview, name="overview"),
    path("app/", include("billing.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
