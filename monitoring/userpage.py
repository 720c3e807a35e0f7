"""What the page of a user shows: facts by how they stand, and beside them what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memory_app import endusers, episodes, factlists, facts, links, relations, telling, userlists
from memory_app.models import UserLink
from memory_app.userlists import MOST_COUNTED
from sessions_app.core import instants
from sessions_app.models import EndUser
from sessions_app.store.reading import Reader

from . import deeds, factrows, useraddress
from .asked import query
from .facets import Choice
from .useraddress import Address

PAGE = 50
PREFERENCES, RELATED, EPISODES = 50, 12, 5
"""The newest of each that stand beside the facts of a user."""
NARROWED = ("state", "q", "category")


@dataclass(frozen=True, slots=True)
class Seen:
    """A user, and what the address asks of their page: as it was read, and the filters as they
    stand in its query."""

    store: Reader
    project: int
    user: EndUser
    wanted: Mapping[str, Any]

    @property
    def at(self) -> Address:
        return useraddress.of(self.user.key)

    @property
    def texts(self) -> dict[str, Any]:
        names = (*NARROWED, "of")
        return {name: self.wanted[name] for name in names if name in self.wanted}

    @property
    def of(self) -> str:
        """The thing whose relations are asked for."""
        return str(self.wanted.get("of", "")).strip()


def seen(store: Reader, project: int, key: str, wanted: Mapping[str, Any]) -> Seen:
    """Raises NotFound."""
    return Seen(store, project, endusers.one(store, project, key), wanted)


def context(page: Seen) -> dict[str, Any]:
    """All that the page shows but for what depends on who looks. Raises BadCursor."""
    store, project, user = page.store, page.project, page.user
    return {
        "user_shown": userlists.one(store, user),
        "name": useraddress.name(user.key),
        "most": MOST_COUNTED,
        "learnt": endusers.learnt(store, user),
        "reads": [_reads(link, project) for link in links.read_by(store, user.pk)],
        "preferences": endusers.preferences(store, project, user, PREFERENCES),
        "wanted_facts": page.wanted,
        **_facts(page),
        **_states(page),
        **_related(page),
        **_episodes(page),
        "prompt": _prompt(page),
        "note": _note(page),
    }


def _listed(page: Seen) -> dict[str, Any]:
    """The facts that are wanted, as the list of facts knows to ask for them."""
    wanted = page.wanted
    told: dict[str, Any] = {"user": page.user.key, "order": "desc", "limit": PAGE}
    state = wanted.get("state", "active")
    if state == "pinned":
        told["pinned"] = True
    elif state != "all":
        told["status"] = state
    return {**told, **{name: wanted[name] for name in ("q", "category", "after") if name in wanted}}


def _reads(link: UserLink, project: int) -> dict[str, str]:
    """A linked user, with a link where they are of the project that is shown, else its name."""
    linked = link.linked
    if linked.project_id == project:
        return {"key": linked.key, "link": useraddress.of(linked.key).link()}
    return {"key": linked.key, "project": linked.project.name}


def _facts(page: Seen) -> dict[str, Any]:
    """A page of facts, what narrows it, and the ways around it."""
    at, texts, wanted = page.at, page.texts, page.wanted
    found, following = factlists.page(page.store, page.project, _listed(page))
    narrowed = [name for name in ("q", "category") if name in wanted]
    rows = factrows.rows(found)
    categories = sorted({row.fact.category for row in rows})
    here = {**texts, **{name: wanted[name] for name in ("after",) if name in wanted}}
    return {
        "at": at,
        "rows": rows,
        "by_category": {name: at.link({**texts, "category": name}) for name in categories},
        "kept_fields": {
            **at.fixed,
            **{name: text for name, text in texts.items() if name not in ("q", "category")},
        },
        "here": query({**here}),
        "bare": at.link(),
        "narrowed": narrowed,
        "chips": [Choice(_said(name, wanted), at.link(texts, **{name: None})) for name in narrowed],
        "clear": at.link({name: text for name, text in texts.items() if name not in narrowed}),
        "first": at.link(texts) if "after" in wanted else None,
        "next": at.link(texts, after=following) if following else None,
    }


def _said(name: str, wanted: Mapping[str, Any]) -> str:
    """A filter in words."""
    text = wanted[name]
    if name == "q":
        return f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}"
    return f"{name} {text}"


_LABELS = {"quarantined": "To review"}


def _states(page: Seen) -> dict[str, Any]:
    """The facts by how they stand, as segments with their numbers."""
    at, texts = page.at, page.texts
    chosen = page.wanted.get("state", "active")
    counts = factlists.states(page.store, page.user.pk, most=MOST_COUNTED)
    segments = [
        {
            "label": _LABELS.get(name, name.capitalize()),
            "count": counts.get(name),
            "link": at.link(texts, state=None if name == "active" else name),
            "chosen": name == chosen,
        }
        for name in factrows.STATES
    ]
    return {"segments": segments, "chosen_state": chosen, "known": sum(counts.values())}


def _related(page: Seen) -> dict[str, Any]:
    """Relations as lines: from a chosen thing two steps on, else the newest."""
    at, texts = page.at, page.texts
    if page.of:
        data, more = _relations(page)
        lines = [(one["fact"], one["steps"]) for one in data]
    else:
        more = None
        lines = [(_tied(fact), 0) for fact in relations.newest(page.store, page.user, RELATED)]
    base = {name: text for name, text in texts.items() if name != "of"}
    told = [
        {
            **{name: fact[name] for name in ("id", "subject", "relation", "object")},
            "text": fact["text"],
            "steps": steps,
            **{f"{end}_link": at.link(base, of=fact[end]) for end in ("subject", "object")},
        }
        for fact, steps in lines
    ]
    return {"related": told, "more_related": bool(more), "all_related": at.link(base)}


def _relations(page: Seen) -> relations.Found:
    asked = {"of": page.of, "limit": PAGE}
    return relations.page(page.store, page.project, page.user, asked)


def _tied(fact: Any) -> dict[str, Any]:
    return {
        "id": str(fact.id),
        "text": fact.text,
        "subject": fact.subject or None,
        "relation": fact.relation or None,
        "object": fact.object or None,
    }


def _episodes(page: Seen) -> dict[str, Any]:
    data, more = _newest_episodes(page)
    told = [{**one, "ended_us": instants.parse(one["to"])} for one in data]
    return {"episodes": told, "more_episodes": bool(more)}


def _newest_episodes(page: Seen) -> tuple[list[dict[str, Any]], str | None]:
    asked = {"user": page.user.key, "limit": EPISODES}
    return episodes.page(page.store, page.project, asked)


def _prompt(page: Seen) -> dict[str, Any] | None:
    """What a prompt would get of this user; it ranks up to 2,000 facts, so only when asked for."""
    asked = page.wanted.get("query", "").strip()
    if not (page.wanted.get("prompt") or asked):
        return None
    return telling.block(page.store, page.project, page.user, query=asked or None)


def _note(page: Seen) -> deeds.Note | None:
    """What a form has just done."""
    text = page.wanted.get("told", "")
    deed = deeds.read(page.project, text) if text else None
    return deeds.note(deed, text) if deed else None


def out(page: Seen) -> dict[str, Any]:
    """The same as JSON. Raises BadCursor."""
    store, project, user = page.store, page.project, page.user
    found, following = factlists.page(store, project, _listed(page))
    counts = factlists.states(store, user.pk, most=MOST_COUNTED)
    told = {
        **userlists.out(userlists.one(store, user)),
        "states": {name: min(count, MOST_COUNTED) for name, count in counts.items()},
        "learnt": endusers.learnt(store, user),
        "preferences": endusers.preferences(store, project, user, PREFERENCES),
        "data": list(map(facts.fact_out, found)),
        "next": following,
        "episodes": _newest_episodes(page)[0],
    }
    if page.of:
        told["relations"] = _relations(page)[0]
    if (prompt := _prompt(page)) is not None:
        told["prompt"] = prompt
    return told
