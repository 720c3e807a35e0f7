from django.conf import settings
from django.db import models


class Ticket(models.Model):
    """A question to the shop; what is said about it stands in Holdfast, under `key`."""

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    subject = models.CharField(max_length=200)

    def __str__(self):
        return self.subject

    @property
    def key(self):
        return f"ticket-{self.pk}"
