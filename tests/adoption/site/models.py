"""Two tables as many sites have them: conversations, and what was said in them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Chat(models.Model):
    owner = models.CharField(max_length=50)
    title = models.CharField(max_length=100, blank=True)
    started = models.DateTimeField()
    closed = models.BooleanField(default=False)

    objects: ClassVar[models.Manager[Chat]] = models.Manager()

    class Meta:
        app_label = "chats"

    def __str__(self) -> str:
        return self.title


class ChatMessage(models.Model):
    chat = models.ForeignKey(Chat, models.CASCADE, null=True)
    author = models.CharField(max_length=10)
    text = models.TextField(blank=True)
    written = models.DateTimeField()
    deleted = models.BooleanField(default=False)

    objects: ClassVar[models.Manager[ChatMessage]] = models.Manager()

    class Meta:
        app_label = "chats"

    def __str__(self) -> str:
        return self.text
