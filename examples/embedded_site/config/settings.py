"""A bicycle shop's help desk that keeps its conversations in Holdfast.

Lines that Holdfast needs say so; all the rest is what any site has.
"""

import os
from pathlib import Path

import holdfast

BASE = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "only for trying this site on one machine")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "accounts",
    "desk",
    "monitoring",  # the site's own; Holdfast's has another label and steps aside
    "ninja",  # the site's own API could use it too
]
INSTALLED_APPS += [app for app in holdfast.APPS if app not in INSTALLED_APPS]  # Holdfast

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.policy.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def database(name):
    """PostgreSQL where PGHOST says one is, else a SQLite file that waits for its lock."""
    if "PGHOST" in os.environ:
        prefix = os.environ.get("PGDATABASE", "shop")
        return {"ENGINE": "django.db.backends.postgresql", "NAME": f"{prefix}_{name}"}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE / f"{name}.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


DATABASES = {"default": {**database("site"), "ATOMIC_REQUESTS": True}}

# Holdfast's rows stand beside the site's own; OWN_DATABASE=1 gives them a database of their own.
if os.environ.get("OWN_DATABASE") == "1":
    DATABASES["memory"] = database("memory")
    HOLDFAST_DATABASE = "memory"  # Holdfast
    DATABASE_ROUTERS = ["holdfast.routers.HoldfastRouter"]  # Holdfast

# Which group of this site may do what on Holdfast's pages; all others may not see them.
HOLDFAST_ROLES = {"Support": "viewer", "Leads": "editor", "Owners": "admin"}  # Holdfast

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"

USE_TZ = True
TIME_ZONE = "Europe/Berlin"
LANGUAGE_CODE = "de"
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATIC_ROOT = BASE / "collected"
WHITENOISE_USE_FINDERS = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
