from django.contrib import admin

from desk.models import Ticket

admin.site.register(Ticket)
