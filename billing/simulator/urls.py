"""URLs of the simulator's pages; they are there in development only."""

from django.urls import path

from billing.simulator import views

urlpatterns = [
    path("", views.account, name="simulator"),
    path("checkout/<str:session_id>", views.checkout, name="simulator_checkout"),
    path("receipts/<str:object_id>", views.receipt, name="simulator_receipt"),
    path("portal/<str:portal_id>", views.portal, name="simulator_portal"),
]
