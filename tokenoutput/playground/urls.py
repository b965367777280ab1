"""URLs of the playground."""

from django.urls import path

from tokenoutput.playground import views

PLAYGROUND = "app/<slug:slug>/playground"
urlpatterns = [
    path("app/playground", views.playground_any, name="playground_any"),
    path(PLAYGROUND, views.playground, name="playground"),
    path(f"{PLAYGROUND}/run", views.playground_run, name="playground_run"),
    path(f"{PLAYGROUND}/code", views.playground_code, name="playground_code"),
    path(f"{PLAYGROUND}/requests/<uuid:request_id>", views.playground_outcome, name="playground_outcome"),
]
