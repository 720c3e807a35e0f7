from django.db import models


class Reading(models.Model):
    """What a thermometer in the workshop said."""

    place = models.CharField(max_length=40)
    degrees = models.FloatField()

    def __str__(self):
        return f"{self.place}: {self.degrees}"
