"""What a site on PostgreSQL says, with the one middleware that gives answers their length."""

import os

from holdfast import APPS, environ

SECRET_KEY = "only for the bench, which is reached from this machine alone"  # noqa: S105
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bench.guest_site.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", *APPS]
DATABASES = {"default": environ.database("BENCH_DATABASE", os.environ["BENCH_DATABASE"])}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
