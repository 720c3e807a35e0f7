"""Conversations of the site's own customers, kept in Holdfast."""

from threading import Thread

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import JsonResponse
from django.shortcuts import aget_object_or_404, render
from django.views.decorators.http import require_POST

import holdfast
from desk import model
from desk.models import Ticket

MOST_OPEN = 3


class TooMany(Exception):
    """Nobody may have more than MOST_OPEN tickets."""


@login_not_required
def home(request):
    return render(request, "desk/home.html")


@login_not_required
def stock(request):
    """The site's own API, which has nothing to do with Holdfast's."""
    return JsonResponse({"tyres": 1200})


@require_POST
def open_ticket(request):
    """The ticket and its first message are stored together or not at all."""
    try:
        with transaction.atomic():
            ticket = Ticket.objects.create(customer=request.user, subject=request.POST["subject"])
            session = holdfast.open(ticket.key, user=request.user.email, title=ticket.subject)
            said = session.append(role="user", content=request.POST["text"])
            if Ticket.objects.filter(customer=request.user).count() > MOST_OPEN:
                raise TooMany
    except TooMany:
        return JsonResponse({"error": "You have too many open tickets."}, status=409)
    transaction.on_commit(lambda: Thread(target=_welcome, args=[ticket.key]).start())
    answer = {"ticket": ticket.pk, "durable": said.durable, "durable_by": said.durable_by}
    return JsonResponse(answer, status=201)


@require_POST
@transaction.non_atomic_requests
async def answer(request, number):
    """No transaction is open while the model thinks."""
    ticket = await aget_object_or_404(Ticket, pk=number)
    session = await holdfast.aopen(ticket.key)
    context = await session.acontext(tokens=8_000)
    said = await session.aappend(await model.reply(context.messages), context=context)
    return JsonResponse({"version": said.version, "durable": said.durable})


def _welcome(key):
    """Work beside the request, as a task queue would do it: on a connection of its own."""
    try:
        holdfast.open(key).append(role="developer", content="Be friendly to new customers.")
    finally:
        connections.close_all()
