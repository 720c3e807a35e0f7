"""Settings of the Holdfast product. A host site has its own and adds `holdfast.APPS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holdfast import APPS, PAGES, environ, paths

PACKAGE = Path(__file__).resolve().parent.parent

# Local mode is for one person on one machine: `holdfast serve` turns it on when it binds to a
# loopback address. Everywhere else a key or a login is needed.
HOLDFAST_LOCAL = environ.flag("HOLDFAST_LOCAL")
HOLDFAST_ENCODER = environ.choice("HOLDFAST_ENCODER", "o200k_base", ("o200k_base", "cl100k_base"))
HOLDFAST_MAX_BODY = environ.integer("HOLDFAST_MAX_BODY", 4 * 1024 * 1024)
HOLDFAST_DATABASE = "default"
HOLDFAST_REDIS_URL = environ.redis_url("REDIS_URL")
HOLDFAST_CONTEXT_PROVIDERS = environ.names("HOLDFAST_CONTEXT_PROVIDERS")

# Summaries need no model. `memory_app.engines.openai` asks the one that the next lines name.
HOLDFAST_SUMMARISER = environ.dotted("HOLDFAST_SUMMARISER", "memory_app.engines.Embedded")
HOLDFAST_MODEL = environ.text("HOLDFAST_MODEL")
HOLDFAST_MODEL_LOCAL = environ.flag("HOLDFAST_MODEL_LOCAL")
HOLDFAST_MODEL_URL = environ.http_url(
    "HOLDFAST_MODEL_URL", "https://api.openai.com/v1", local=HOLDFAST_MODEL_LOCAL
)
HOLDFAST_MODEL_KEY = environ.key("HOLDFAST_MODEL_KEY")
HOLDFAST_MODEL_TIMEOUT = environ.integer("HOLDFAST_MODEL_TIMEOUT", 60)
if HOLDFAST_SUMMARISER == "memory_app.engines.openai" and not HOLDFAST_MODEL:
    raise environ.BadEnvironment("HOLDFAST_MODEL", "must name the model that writes summaries.")


# Nor does learning. `memory_app.extractors.openai` asks the same model.
HOLDFAST_EXTRACTOR = environ.dotted("HOLDFAST_EXTRACTOR", "memory_app.extractors.Rules")
if HOLDFAST_EXTRACTOR == "memory_app.extractors.openai" and not HOLDFAST_MODEL:
    raise environ.BadEnvironment("HOLDFAST_MODEL", "must name the model that finds facts.")

# There are no vectors without an embedder. `memory_app.embedders.minilm` computes them here,
# `memory_app.embedders.openai` asks the model that the next lines name.
HOLDFAST_EMBEDDER = environ.dotted("HOLDFAST_EMBEDDER", "")
HOLDFAST_EMBEDDER_MODEL = environ.text("HOLDFAST_EMBEDDER_MODEL")
HOLDFAST_EMBEDDER_DIMENSIONS = environ.integer("HOLDFAST_EMBEDDER_DIMENSIONS", 0)
HOLDFAST_EMBEDDER_LOCAL = environ.flag("HOLDFAST_EMBEDDER_LOCAL")
HOLDFAST_EMBEDDER_URL = environ.http_url(
    "HOLDFAST_EMBEDDER_URL", "https://api.openai.com/v1", local=HOLDFAST_EMBEDDER_LOCAL
)
HOLDFAST_EMBEDDER_KEY = environ.key("HOLDFAST_EMBEDDER_KEY")
HOLDFAST_EMBEDDER_TIMEOUT = environ.integer("HOLDFAST_EMBEDDER_TIMEOUT", 60)
if HOLDFAST_EMBEDDER == "memory_app.embedders.openai":
    if not HOLDFAST_EMBEDDER_MODEL:
        raise environ.BadEnvironment("HOLDFAST_EMBEDDER_MODEL", "must name the model.")
    if not HOLDFAST_EMBEDDER_DIMENSIONS:
        raise environ.BadEnvironment(
            "HOLDFAST_EMBEDDER_DIMENSIONS", "must say how many numbers a vector of the model has."
        )

# Vectors are rows of the database; `memory_app.vector_stores.qdrant` keeps them where the next
# lines say: at an http address, or in a folder of one process.
HOLDFAST_VECTOR_STORE = environ.dotted("HOLDFAST_VECTOR_STORE", "")
HOLDFAST_QDRANT = environ.text("HOLDFAST_QDRANT")
HOLDFAST_QDRANT_KEY = environ.key("HOLDFAST_QDRANT_KEY")
HOLDFAST_QDRANT_COLLECTION = environ.text("HOLDFAST_QDRANT_COLLECTION") or "holdfast"
if HOLDFAST_VECTOR_STORE == "memory_app.vector_stores.qdrant" and not HOLDFAST_QDRANT:
    raise environ.BadEnvironment("HOLDFAST_QDRANT", "must name a server or a folder.")

# Who may do what on the pages, by group; a group is made when the first member is given its role.
# Members are given on the page of settings. In a site of its own they are not.
HOLDFAST_ROLES = {
    "holdfast viewers": "viewer",
    "holdfast editors": "editor",
    "holdfast admins": "admin",
}
HOLDFAST_MEMBERS = True

DEBUG = environ.flag("DEBUG")
SECRET_KEY = environ.text("SECRET_KEY") or paths.local_secret()
ALLOWED_HOSTS = environ.names("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *APPS,
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "holdfast.urls"
WSGI_APPLICATION = "holdfast.wsgi.application"
ASGI_APPLICATION = "holdfast.asgi.application"

DATABASES: dict[str, dict[str, Any]] = {
    "default": environ.database("DATABASE_URL", environ.text("DATABASE_URL"))
    or environ.sqlite(paths.local_database())
}
_REPLICAS = environ.replicas("DATABASE_REPLICA_URL", DATABASES["default"])
DATABASES |= _REPLICAS
HOLDFAST_REPLICAS = list(_REPLICAS)

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

STATIC_URL = "static/"
STATICFILES_DIRS = [folder for folder in (PACKAGE / "static",) if folder.is_dir()]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

APPEND_SLASH = True
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # the API reads bodies itself, with its own limit
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = f"{PAGES}.errorpages.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
LOGIN_URL = "holdfast_pages:login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # What callers do wrong is answered, not logged: anybody could fill the log.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
    },
}
