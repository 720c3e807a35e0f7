from django.contrib import admin

from monitoring.models import Reading

admin.site.register(Reading)
