"""URLs of billing inside the dashboard."""

from django.urls import path

from billing import (
    alert_views,
    budget_views,
    ledger_views,
    payment_views,
    receipt_views,
    request_views,
    statement_views,
    usage_views,
    views,
    webhook_doing_views,
    webhook_views,
)

urlpatterns = [
    path("<slug:slug>/alerts", alert_views.alerts, name="alerts"),
    path("<slug:slug>/alerts/test", alert_views.alerts_test, name="alerts_test"),
    path("<slug:slug>/webhooks", webhook_views.webhooks, name="webhooks"),
    path("<slug:slug>/webhooks/<str:public_id>", webhook_views.webhook, name="webhook"),
    path("<slug:slug>/webhooks/<str:public_id>/test", webhook_doing_views.webhook_test, name="webhook_test"),
    path("<slug:slug>/webhooks/<str:public_id>/pause", webhook_doing_views.webhook_pause, name="webhook_pause"),
    path("<slug:slug>/webhooks/<str:public_id>/resume", webhook_doing_views.webhook_resume, name="webhook_resume"),
    path("<slug:slug>/webhooks/<str:public_id>/secret", webhook_doing_views.webhook_secret, name="webhook_secret"),
    path("<slug:slug>/webhooks/<str:public_id>/remove", webhook_doing_views.webhook_remove, name="webhook_remove"),
    path(
        "<slug:slug>/webhooks/<str:public_id>/deliveries/<int:delivery_id>",
        webhook_doing_views.webhook_redeliver,
        name="webhook_redeliver",
    ),
    path("<slug:slug>/usage", usage_views.usage, name="usage"),
    path("<slug:slug>/usage.csv", usage_views.usage_csv, name="usage_csv"),
    path("<slug:slug>/requests", request_views.requests, name="requests"),
    path("<slug:slug>/requests.csv", request_views.requests_csv, name="requests_csv"),
    path("<slug:slug>/requests/<uuid:request_id>", request_views.request_page, name="request"),
    path("<slug:slug>/billing", views.billing, name="billing"),
    path("<slug:slug>/billing/budgets", budget_views.budgets, name="budgets"),
    path("<slug:slug>/billing/ledger", ledger_views.ledger, name="ledger"),
    path("<slug:slug>/billing/ledger.csv", ledger_views.ledger_csv, name="ledger_csv"),
    path("<slug:slug>/billing/receipts", receipt_views.receipts, name="receipts"),
    path("<slug:slug>/billing/receipts/<int:year>.csv", receipt_views.receipts_csv, name="receipts_csv"),
    path("<slug:slug>/billing/statement/<str:month>.csv", statement_views.statement_csv, name="statement_csv"),
    path("<slug:slug>/billing/statement/<str:month>", statement_views.statement, name="statement"),
    path("<slug:slug>/billing/topup", payment_views.topup, name="topup"),
    path("<slug:slug>/billing/return", payment_views.returned, name="topup_return"),
    path("<slug:slug>/billing/automatic", payment_views.auto_topup, name="auto_topup"),
    path("<slug:slug>/billing/card", payment_views.card, name="card_remove"),
    path("<slug:slug>/billing/portal", payment_views.portal, name="payment_portal"),
    path("<slug:slug>/billing/payments/<uuid:topup_id>/receipt", payment_views.receipt, name="receipt"),
    path("<slug:slug>/billing/payments/<uuid:topup_id>/refund", payment_views.refund, name="refund"),
]
