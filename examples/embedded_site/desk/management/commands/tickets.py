from django.core.management.base import BaseCommand

import holdfast
from desk.models import Ticket


class Command(BaseCommand):
    help = "Every ticket and how much was said about it"

    def handle(self, **_):
        for ticket in Ticket.objects.order_by("pk"):
            said = holdfast.open(ticket.key).messages(limit=500)
            self.stdout.write(f"{ticket.pk} {ticket.subject}: {len(said)} messages")
