"""The views: Holdfast's facade as the how-to shows it, and one raw statement for the same."""

from __future__ import annotations

from typing import Any

import orjson
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

import holdfast
from bench.rawsql import BOTH, LAST

APPEND, READ = BOTH.format("%s"), LAST.format("%s")


@csrf_exempt
def append(request: HttpRequest, number: int) -> JsonResponse:
    said: Any = orjson.loads(request.body)
    done = holdfast.open(f"guest-{number}").append(**said)
    return JsonResponse({"version": done.version, "durable": done.durable}, status=201)


@csrf_exempt
async def append_async(request: HttpRequest, number: int) -> JsonResponse:
    said: Any = orjson.loads(request.body)
    session = await holdfast.aopen(f"guest-{number}")
    done = await session.aappend(**said)
    return JsonResponse({"version": done.version, "durable": done.durable}, status=201)


def last(_request: HttpRequest, number: int) -> JsonResponse:
    session = holdfast.open(f"guest-{number}")
    return JsonResponse({"data": session.messages(limit=20, order="desc")})


@csrf_exempt
def bare_append(request: HttpRequest, number: int) -> JsonResponse:
    said: Any = orjson.loads(request.body)
    role = said.pop("role")
    with connection.cursor() as cursor:
        cursor.execute(APPEND, [number, role, orjson.dumps(said).decode()])
    return JsonResponse({"durable": True}, status=201)


def bare_last(_request: HttpRequest, number: int) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute(READ, [number, 20])
        rows = cursor.fetchall()
    shown = [{"seq": seq, "role": role, **orjson.loads(body)} for seq, role, body in rows]
    return JsonResponse({"data": shown})


urlpatterns = [
    path("ours/append/<int:number>", append),
    path("async/append/<int:number>", append_async),
    path("ours/last/<int:number>", last),
    path("bare/append/<int:number>", bare_append),
    path("bare/last/<int:number>", bare_last),
]
