"""The environment of the test run, loaded before any other plugin: settings read it when they load."""

import os
import tempfile

# Parallel workers inherit the first process's folder, and so share its server: each has a database of its own there.
if "TOKENOUTPUT_TEST_DATA" not in os.environ:
    os.environ["TOKENOUTPUT_TEST_DATA"] = tempfile.mkdtemp(prefix="tokenoutput-test-")
# A developer's .env may name a database that matters.
os.environ.update(
    DATA_DIR=os.environ["TOKENOUTPUT_TEST_DATA"],
    DATABASE_AS_OWNER="1",
    DEBUG="1",
    ENV_FILE=os.devnull,
    SECRET_KEY="tests-only",
    # Nothing here speaks TLS: each HTTP client would read the authorities of the whole world, 15 ms thousands of times.
    SSL_CERT_DIR=os.environ["TOKENOUTPUT_TEST_DATA"],
)
for _name in (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "PORT",
    "HOST",
    "SITE_URL",
    "SSL_CERT_FILE",
):
    os.environ.pop(_name, None)
