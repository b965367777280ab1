"""Settings: the environment comes in here and nowhere else."""

import re
import sys
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from tokenoutput.embedded_paths import socket_dir
from tokenoutput.local_secrets import local_secrets
from tokenoutput.social import FORMS_LEAD_TO, HOSTS, social_providers

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

# --- Where and how we run -------------------------------------------------------------------------------------
# Without DATABASE_URL the project brings its own PostgreSQL, broker and secrets in DATA_DIR: the embedded default.
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data"))).resolve()
EMBEDDED = not env.str("DATABASE_URL", default="")
DEBUG = env.bool("DEBUG", default=EMBEDDED)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
SITE_URL = env.str("SITE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
# Addresses whose X-Forwarded-* headers are believed, where BEHIND_PROXY is on.
PROXY_ADDRESSES = env.list("PROXY_ADDRESSES", default=["127.0.0.1"])
DRAIN_SECONDS = env.float("DRAIN_SECONDS", default=5.0 if EMBEDDED else 120.0)
_secrets = local_secrets(DATA_DIR) if EMBEDDED else None
SECRET_KEY = env.str("SECRET_KEY", default=_secrets.secret_key) if _secrets else env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL])

# --- PostgreSQL: one engine, embedded or external ---------------------------------------------------------------
# Web and worker use the application role, which may only execute the money functions; migrations use the owner's.
if _secrets:
    _server = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "tokenoutput",
        "HOST": str(socket_dir(DATA_DIR)),
    }
    _application = _server | {"USER": "tokenoutput_app", "PASSWORD": _secrets.application_password}
    _owner = _server | {"USER": "tokenoutput_owner", "PASSWORD": _secrets.owner_password}
else:
    _application = env.db_url("DATABASE_URL")
    _owner = env.db_url("DATABASE_OWNER_URL", default=env.str("DATABASE_URL"))
# Commands that change tables, and tests, which create databases, connect as the owner.
_AS_OWNER = {"migrate", "database_grant", "test", "sqlmigrate", "makemigrations", "dbshell", "flush"}
DATABASE_AS_OWNER = env.bool("DATABASE_AS_OWNER", default=len(sys.argv) > 1 and sys.argv[1] in _AS_OWNER)
DATABASES = {"default": _owner if DATABASE_AS_OWNER else _application}
DATABASE_APPLICATION_ROLE = str(_application["USER"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications -----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "servestatic",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "drf_spectacular",
    "accounts",
    "catalog",
    "billing",
    "tokenoutput",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    # What a page says over and over, a table of models first of all, goes out packed; static files are packed already.
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tokenoutput.wrong_method.WrongMethodMiddleware",
]
ROOT_URLCONF = "tokenoutput.urls"
ASGI_APPLICATION = "tokenoutput.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tokenoutput.context.site",
            ],
        },
    },
]

# --- Sign-in ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "tokenoutput.signup.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Codes, not links: they can be typed on another device, and no scanner of mail can follow them.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = 3
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
# Known and unknown addresses get the same answers.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# allauth's own limits on attempts (log-in 30 a minute and address, 5 failures in 5 minutes and e-mail, ...) count in
# the cache: shared by Redis where there is one, else this process's.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if env.bool("BEHIND_PROXY", default=False) else 0
CACHES = {
    "default": env.cache_url("REDIS_URL")
    if env.str("REDIS_URL", default="")
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
MFA_ADAPTER = "tokenoutput.second_step.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "TokenOutput"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
MFA_REQUIRED_FOR_OWNERS = env.bool("MFA_REQUIRED_FOR_OWNERS", default=False)
# The old address stays until the new one is confirmed by its code.
ACCOUNT_CHANGE_EMAIL = True
# Each site that has a client here gets a button.
SOCIALACCOUNT_PROVIDERS = social_providers(
    github=(env.str("GITHUB_CLIENT_ID", default=""), env.str("GITHUB_SECRET", default="")),
    google=(env.str("GOOGLE_CLIENT_ID", default=""), env.str("GOOGLE_SECRET", default="")),
)
# A site without a client has no addresses here that could only fail.
INSTALLED_APPS += [f"allauth.socialaccount.providers.{site}" for site in SOCIALACCOUNT_PROVIDERS]
LOGIN_REDIRECT_URL = "/app/"
LOGIN_URL = "account_login"
# Cookies do not tell ports apart, and two checkouts may run on one machine.
SESSION_COOKIE_NAME = f"sessionid-{PORT}" if DEBUG else "__Host-sessionid"
CSRF_COOKIE_NAME = f"csrftoken-{PORT}" if DEBUG else "__Host-csrftoken"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 0 if DEBUG else env.int("SECURE_HSTS_SECONDS", default=31536000)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF, *FORMS_LEAD_TO, *(HOSTS[name] for name in SOCIALACCOUNT_PROVIDERS)],
    "frame-ancestors": [CSP.NONE],
}

# --- E-mail -----------------------------------------------------------------------------------------------------
# Who is told of alarms, and of faults in a log that nobody reads at night.
ADMINS = env.list("ADMINS", default=[])
EMAIL_SUBJECT_PREFIX = "[TokenOutput] "
SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="TokenOutput <no-reply@localhost>")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="TokenOutput <no-reply@localhost>")
MAILERS = {
    "default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if DEBUG
    else {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.str("EMAIL_HOST", default="localhost"),
            "port": env.int("EMAIL_PORT", default=587),
            "username": env.str("EMAIL_USER", default=""),
            "password": env.str("EMAIL_PASSWORD", default=""),
            "use_tls": env.bool("EMAIL_USE_TLS", default=True),
            "timeout": 20,
        },
    }
}

# --- Language, time, static files -------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "tokenoutput" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "staticfiles" if EMBEDDED else BASE_DIR / "staticfiles"
SERVESTATIC_USE_FINDERS = DEBUG
SERVESTATIC_AUTOREFRESH = DEBUG
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "tokenoutput.stylesheet.OneSheetStorage"},
    }

# --- Secrets of providers, kept encrypted at rest (first key encrypts, every key decrypts) ------------------------
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[_secrets.encryption_key] if _secrets else [])
# Where `load_catalog` finds the variables that `api_key_env` names. The name keeps it out of Django's debug pages.
UPSTREAM_API_KEYS = env.ENVIRON
# The embedded default talks to a model server on loopback; production must not reach private addresses.
ALLOW_PRIVATE_UPSTREAMS = env.bool("ALLOW_PRIVATE_UPSTREAMS", default=EMBEDDED)

# --- Money ------------------------------------------------------------------------------------------------------
STARTER_CREDIT_USD = env.str("STARTER_CREDIT_USD", default="5.00" if EMBEDDED else "0")
if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,2})?", STARTER_CREDIT_USD):
    raise ImproperlyConfigured(
        f"STARTER_CREDIT_USD is {STARTER_CREDIT_USD[:40]!r}; it must be US dollars below a million, such as 5 or 5.00."
    )
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="").strip()
STRIPE_AUTOMATIC_TAX = env.bool("STRIPE_AUTOMATIC_TAX", default=False)
# Who sells, as receipts print it: name and address, a line after each "|".
RECEIPT_SELLER = [line.strip() for line in env.str("RECEIPT_SELLER", default="TokenOutput").split("|") if line.strip()]
# Stands in for Stripe in development without keys; refused with DEBUG off wherever it is asked for.
STRIPE_SIMULATOR_FILE = str(DATA_DIR / "stripe-simulator.sqlite3") if DEBUG and not STRIPE_SECRET_KEY else ""

# Usage records stand in a partition a day for so many days, then in one a month; months beyond the second number leave
# the ledger for a table of their own (0: none does).
USAGE_DAY_PARTITIONS = max(env.int("USAGE_DAY_PARTITIONS", default=60), 40)
USAGE_MONTHS_KEPT = env.int("USAGE_MONTHS_KEPT", default=0)

# The reaper: what a dead gateway held is free after its lease, this grace and a sweep.
REAP_GRACE_SECONDS = env.float("REAP_GRACE_SECONDS", default=15.0)
REAP_SECONDS = env.float("REAP_SECONDS", default=5.0)

# For tests: `name` or `name:n` of a place in `billing.fault_points` where the process dies, at its n-th passage.
FAULT_POINT = env.str("FAULT_POINT", default="") if DEBUG else ""

# --- Gateway ----------------------------------------------------------------------------------------------------
GATEWAY = {
    "body_bytes_max": 32 * 1024 * 1024,
    "body_seconds": env.float("GATEWAY_BODY_SECONDS", default=15.0),
    "connect_seconds": 5.0,
    "first_content_seconds": env.float("GATEWAY_FIRST_CONTENT_SECONDS", default=120.0),
    "idle_seconds": env.float("GATEWAY_IDLE_SECONDS", default=180.0),
    "client_stall_seconds": 60.0,
    # Answers that are read to their end at once for clients that left.
    "drains_max": env.int("GATEWAY_DRAINS_MAX", default=200),
    "keepalive_seconds": env.float("GATEWAY_KEEPALIVE_SECONDS", default=15.0),
    "key_requests_per_minute": env.int("KEY_REQUESTS_PER_MINUTE", default=600),
    "organization_requests_per_minute": env.int("ORGANIZATION_REQUESTS_PER_MINUTE", default=3000),
    "key_concurrency": env.int("KEY_CONCURRENCY", default=64),
    "organization_concurrency": env.int("ORGANIZATION_CONCURRENCY", default=256),
    "count_tokens_per_minute": env.int("COUNT_TOKENS_PER_MINUTE", default=6000),
    # Where charges wait while the database is away: a folder on a disk that outlives the process.
    "spool_dir": Path(env.str("SPOOL_DIR", default=str(DATA_DIR / "spool"))).resolve(),
    # A gateway that did not renew its lease is taken for dead; a hold lives as long without a renewal.
    "lease_seconds": env.float("LEASE_SECONDS", default=30.0),
    "hold_seconds": env.float("HOLD_SECONDS", default=60.0),
    "caller_cache_seconds": 5.0,
    "snapshot_seconds": 10.0,
}

# --- Management API: keys authenticate and nothing else does, so no cookie can -----------------------------------
MANAGEMENT_REQUESTS_PER_MINUTE = env.int("MANAGEMENT_REQUESTS_PER_MINUTE", default=300)
# Apps that turn codes into keys have no key to be counted by: their address is.
CONNECT_ATTEMPTS_PER_MINUTE = env.int("CONNECT_ATTEMPTS_PER_MINUTE", default=20)
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tokenoutput.api.json_parser.StrictJson"],
    # Every view is an ApiView, which names its own; a stray one would be closed.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_RATES": {
        "key": f"{MANAGEMENT_REQUESTS_PER_MINUTE}/min",
        "address": f"{CONNECT_ATTEMPTS_PER_MINUTE}/min",
    },
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "tokenoutput.api.schema.Described",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TokenOutput",
    "DESCRIPTION": (
        "Ask models at `/v1` with an API key (`sk-…`) in OpenAI's or Anthropic's protocol; manage keys, limits, credit "
        "and members at `/api/v1` with a management key (`sk-mgmt-…`)."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AnalyticsMetric": "tokenoutput.api.analytics_shapes.METRIC_NAMES",
        "AnalyticsDimension": "tokenoutput.api.analytics_shapes.DIMENSION_NAMES",
        "AnalyticsOrderField": "tokenoutput.api.analytics_shapes.ORDER_NAMES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tokenoutput.api.schema.finish",
    ],
}

# --- Celery: a message is a hint, the state column is the queue ---------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=env.str("REDIS_URL", default="embedded://localhost"))
CELERY_BROKER_DIR = DATA_DIR / "broker"
CELERY_BROKER_OPTIONS = (
    {name: str(CELERY_BROKER_DIR) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    | {"polling_interval": 0.25}
    if CELERY_BROKER_URL.startswith("embedded:")
    else {"visibility_timeout": 900}
)
CELERY_CONCURRENCY = env.int("CELERY_CONCURRENCY", default=1 if EMBEDDED else 2)

# --- Logging: one line an event, for a person in development, JSON elsewhere -----------------------------------------
LOGGING_CONFIG = "tokenoutput.logs.logging_configure"
LOGGING = {"level": env.str("LOG_LEVEL", default="INFO"), "json": env.bool("LOG_JSON", default=not DEBUG)}
ACCESS_LOG = env.bool("ACCESS_LOG", default=True)
