"""What `manage.py check` says of a host's settings for Holdfast, before a request finds out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections, router
from django.utils.module_loading import import_string

from holdfast import PAGES, environ
from memory_app import checkup, embedders, engines, extractors, minilm, providing, vector_stores
from sessions_app import auth, preparing
from sessions_app.core import addresses
from sessions_app.core.tokens import ENCODERS
from sessions_app.store import get_store

LABEL = "holdfast_sessions"
ROUTER = "holdfast.routers.HoldfastRouter"


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Values that nothing can be done with."""
    memory = [*_summariser(), *_extractor(), *_embedder(), *_vector_store(), *_providers()]
    return [*_database(), *_redis(), *_replicas(), *_roles(), *_encoder(), *memory]


def check_tables(**_: Any) -> list[checks.CheckMessage]:
    """Whether `migrate` makes our tables where they are looked for, and only there."""
    home = auth.alias()
    if home not in connections or home == "default":
        return []
    if router.allow_migrate(home, LABEL) and not router.allow_migrate("default", LABEL):
        return []
    return [
        checks.Warning(
            f"Holdfast's rows are in {home!r}, but `migrate` does not make its tables there alone.",
            hint=f"Add {ROUTER!r} to DATABASE_ROUTERS, then run `migrate --database={home}`.",
            id="holdfast.W001",
        )
    ]


def check_deployment(**_: Any) -> list[checks.CheckMessage]:
    """What must not go public."""
    if not auth.is_local():
        return []
    return [
        checks.Warning(
            "HOLDFAST_LOCAL is on: whoever reaches this server by a local name needs no key and "
            "no login.",
            hint="Leave it out of the settings of a site that others can reach.",
            id="holdfast.W002",
        )
    ]


def _database() -> Iterator[checks.CheckMessage]:
    home = auth.alias()
    if home not in connections:
        yield checks.Error(
            f"HOLDFAST_DATABASE is {home!r}, which DATABASES does not have.",
            hint=f"Add it there, or name one of: {', '.join(connections)}.",
            id="holdfast.E001",
        )


def _redis() -> Iterator[checks.CheckMessage]:
    url = getattr(settings, "HOLDFAST_REDIS_URL", None)
    if url and not environ.is_redis_url(url):
        yield checks.Error(
            f"HOLDFAST_REDIS_URL {environ.REDIS_ADVICE}",
            hint="Correct it, or leave it out: nothing needs Redis.",
            id="holdfast.E019",
        )


def _replicas() -> Iterator[checks.CheckMessage]:
    named = getattr(settings, "HOLDFAST_REPLICAS", None) or []
    hint = "Name aliases of DATABASES that are PostgreSQL standbys, or leave it out."
    if not isinstance(named, list | tuple):
        yield checks.Error("HOLDFAST_REPLICAS is no list.", hint=hint, id="holdfast.E020")
        return
    for alias in dict.fromkeys((auth.alias(), *named)) if named else ():
        if alias not in connections or connections[alias].vendor != "postgresql":
            said = f"HOLDFAST_REPLICAS needs {alias!r} to be a PostgreSQL database."
            yield checks.Error(said, hint=hint, id="holdfast.E020")
        elif alias in named and _is_home(alias):
            said = f"HOLDFAST_REPLICAS names {alias!r}, which is the database itself."
            yield checks.Error(said, hint=hint, id="holdfast.E021")


def _is_home(alias: str) -> bool:
    one, other = connections.settings[alias], connections.settings.get(auth.alias(), {})
    return all(one.get(name) == other.get(name) for name in ("HOST", "PORT", "NAME"))


def check_replicas(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What the servers say of themselves; asked only where `check` is told to ask databases."""
    store = get_store(auth.alias())
    if store.replicas is None or auth.alias() not in (databases or ()):
        return []
    told = [check for check in checkup.replicas(auth.alias()) if check.advice is not None]
    return [
        checks.Warning(f"{check.name}: {check.found}", hint=check.advice, id="holdfast.W003")
        for check in told
    ]


def _roles() -> Iterator[checks.CheckMessage]:
    roles = import_module(f"{PAGES}.access").ROLES
    hint = f"Map the name of a group to one of: {', '.join(roles)}."
    by_group = getattr(settings, "HOLDFAST_ROLES", None)
    if by_group is None:
        return
    if not isinstance(by_group, Mapping):
        yield checks.Error("HOLDFAST_ROLES is no mapping.", hint=hint, id="holdfast.E002")
        return
    for group, role in by_group.items():
        if role not in roles:
            said = f"HOLDFAST_ROLES gives the group {group!r} the role {role!r}."
            yield checks.Error(said, hint=hint, id="holdfast.E003")


def _encoder() -> Iterator[checks.CheckMessage]:
    name = preparing.encoder()
    if name not in ENCODERS:
        yield checks.Error(
            f"HOLDFAST_ENCODER is {name!r}, which Holdfast cannot count with.",
            hint=f"Name one of: {', '.join(ENCODERS)}.",
            id="holdfast.E004",
        )


def _summariser() -> Iterator[checks.CheckMessage]:
    path = getattr(settings, "HOLDFAST_SUMMARISER", engines.DEFAULT)
    try:
        made = import_string(path)
    except ImportError:
        yield checks.Error(
            f"HOLDFAST_SUMMARISER is {path!r}, which cannot be imported.",
            hint=f"Name {engines.DEFAULT}, memory_app.engines.openai, or an engine of your own.",
            id="holdfast.E005",
        )
    else:
        if made is engines.openai:
            yield from _model()


def _extractor() -> Iterator[checks.CheckMessage]:
    path = getattr(settings, "HOLDFAST_EXTRACTOR", extractors.DEFAULT)
    try:
        made = import_string(path)
    except ImportError:
        yield checks.Error(
            f"HOLDFAST_EXTRACTOR is {path!r}, which cannot be imported.",
            hint=f"Name {extractors.DEFAULT}, memory_app.extractors.openai, or one of your own.",
            id="holdfast.E015",
        )
    else:
        if made is extractors.openai:
            yield from _model()


def _providers() -> Iterator[checks.CheckMessage]:
    for path, wrong in providing.registry().faults:
        where = "" if path == providing.SETTING else f" names {path!r}, which"
        yield checks.Error(
            f"{providing.SETTING}{where} {wrong}",
            hint="Name classes or functions that, called without arguments, give a provider: "
            "see docs/how-to/provide-context.md.",
            id="holdfast.E014",
        )


def _model() -> Iterator[checks.CheckMessage]:
    if not getattr(settings, "HOLDFAST_MODEL", None):
        yield checks.Error(
            "HOLDFAST_MODEL names no model to write summaries.",
            hint="Set it, or leave HOLDFAST_SUMMARISER out.",
            id="holdfast.E006",
        )
    try:
        local = getattr(settings, "HOLDFAST_MODEL_LOCAL", False)
        addresses.target(getattr(settings, "HOLDFAST_MODEL_URL", engines.MODEL_URL), local=local)
    except addresses.Forbidden as forbidden:
        yield checks.Error(
            f"HOLDFAST_MODEL_URL {forbidden}",
            hint="HOLDFAST_MODEL_LOCAL = True allows addresses of this machine and its network.",
            id="holdfast.E007",
        )
    if find_spec("openai") is None:
        yield checks.Error(
            "HOLDFAST_SUMMARISER asks a model, but the package `openai` is not installed.",
            hint="Install holdfast[llm].",
            id="holdfast.E008",
        )


def _embedder() -> Iterator[checks.CheckMessage]:
    path = getattr(settings, "HOLDFAST_EMBEDDER", None)
    if not path:
        return
    try:
        made = import_string(path)
    except ImportError:
        yield checks.Error(
            f"HOLDFAST_EMBEDDER is {path!r}, which cannot be imported.",
            hint=f"Name {embedders.MINILM}, memory_app.embedders.openai, or one of your own.",
            id="holdfast.E009",
        )
    else:
        if made is embedders.openai:
            yield from _embedding_model()
        if made is embedders.minilm and not minilm.available():
            yield checks.Error(
                "HOLDFAST_EMBEDDER is MiniLM, but the package with its weights is not installed.",
                hint=minilm.MISSING,
                id="holdfast.E013",
            )


def _embedding_model() -> Iterator[checks.CheckMessage]:
    for name in ("HOLDFAST_EMBEDDER_MODEL", "HOLDFAST_EMBEDDER_DIMENSIONS"):
        if not getattr(settings, name, None):
            yield checks.Error(
                f"{name} is needed by HOLDFAST_EMBEDDER and says nothing.",
                hint="Name the model, and how many numbers its vectors have.",
                id="holdfast.E010",
            )
    try:
        local = getattr(settings, "HOLDFAST_EMBEDDER_LOCAL", False)
        addresses.target(getattr(settings, "HOLDFAST_EMBEDDER_URL", embedders.URL), local=local)
    except addresses.Forbidden as forbidden:
        yield checks.Error(
            f"HOLDFAST_EMBEDDER_URL {forbidden}",
            hint="HOLDFAST_EMBEDDER_LOCAL = True allows addresses of this machine and its network.",
            id="holdfast.E011",
        )
    if find_spec("openai") is None:
        yield checks.Error(
            "HOLDFAST_EMBEDDER asks a model, but the package `openai` is not installed.",
            hint="Install holdfast[llm].",
            id="holdfast.E012",
        )


def _vector_store() -> Iterator[checks.CheckMessage]:
    path = getattr(settings, "HOLDFAST_VECTOR_STORE", None)
    if not path:
        return
    try:
        made = import_string(path)
    except ImportError:
        yield checks.Error(
            f"HOLDFAST_VECTOR_STORE is {path!r}, which cannot be imported.",
            hint=f"Name {vector_stores.QDRANT} or a store of your own, or leave it out.",
            id="holdfast.E016",
        )
    else:
        if made is vector_stores.qdrant:
            yield from _qdrant()


def _qdrant() -> Iterator[checks.CheckMessage]:
    if not getattr(settings, "HOLDFAST_QDRANT", None):
        yield checks.Error(
            "HOLDFAST_QDRANT is needed by HOLDFAST_VECTOR_STORE and names nothing.",
            hint="Name the address of a server, or a folder that one process alone uses.",
            id="holdfast.E017",
        )
    if find_spec("qdrant_client") is None:
        yield checks.Error(
            "HOLDFAST_VECTOR_STORE is Qdrant, but the package `qdrant-client` is not installed.",
            hint="Install holdfast[qdrant].",
            id="holdfast.E018",
        )


def watch() -> None:
    """Add these to what `manage.py check` runs."""
    checks.register(check_settings)
    checks.register(check_tables, checks.Tags.models)
    checks.register(check_replicas, checks.Tags.database)
    checks.register(check_deployment, checks.Tags.security, deploy=True)
