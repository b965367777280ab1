"""URLs of the management API."""

from django.urls import path, re_path

from tokenoutput.api.base import NothingHere
from tokenoutput.api.catalog import ModelsCountView, ModelsView, ModelView
from tokenoutput.api.docs_views import OpenApiView

urlpatterns = [
    path("openapi.json", OpenApiView.as_view(), name="api_openapi"),
    path("models", ModelsView.as_view(), name="api_models"),
    path("models/count", ModelsCountView.as_view(), name="api_models_count"),
    path("models/<path:id>", ModelView.as_view(), name="api_model"),
    re_path("", NothingHere.as_view()),
]
