"""A host site: its own chats, and Holdfast beside them."""

from __future__ import annotations

import os

from holdfast import APPS, environ

SECRET_KEY = "a site of the tests"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tests.adoption.site.apps.ChatsConfig",
    *APPS,
]
DATABASES = {"default": environ.database("DATABASE_URL", os.environ["DATABASE_URL"])}
USE_TZ = True
TIME_ZONE = "Europe/Lisbon"
