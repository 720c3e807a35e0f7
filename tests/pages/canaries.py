"""A session whose every string wants to be markup."""

from __future__ import annotations

import json
from urllib.parse import quote

from memory_app import policies
from sessions_app import reviews
from sessions_app.models import Project
from sessions_app.reviews import Opinion
from sessions_app.store import get_store
from sessions_app.store.base import Edit, Snapshot
from tests.pages.samples import Payload, session

SHORT = '"><img src=x onerror=alert(1)>{{7*7}}'
CANARY = f"{SHORT}</script><script>alert(2)</script>javascript:alert(3)' hx-get=/x {{% now %}}"


def poisoned(project: Project) -> Snapshot:
    """The session, with everything that a page can show of it."""
    store = get_store()
    call = {
        "id": CANARY,
        "type": "function",
        "function": {"name": CANARY, "arguments": json.dumps({CANARY: CANARY})},
    }
    tool = {"type": "function", "function": {"name": CANARY, "description": CANARY}}
    link = {"type": "image_url", "image_url": {"url": "javascript:alert(4)"}}
    thought = {"type": "thinking", "thinking": CANARY, "signature": CANARY}
    said: list[Payload] = [
        {"role": "user", "content": CANARY, "author": CANARY, "name": CANARY},
        {"role": "assistant", "content": None, "tool_calls": [call], "model": CANARY},
        {"role": "tool", "tool_call_id": CANARY, "content": CANARY},
        {"role": "assistant", "content": CANARY, "error": CANARY},
        {"role": "user", "content": [{"type": "text", "text": CANARY}, link]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": CANARY}]},
        {"role": "tool", "tool_call_id": "lost", "content": CANARY},
        {"role": "user", "content": CANARY},
    ]
    policies.put(store, project.pk, SHORT, {"turns": 3})
    made = session(
        project,
        said,
        title=CANARY,
        key=CANARY,
        user=CANARY,
        tags=(CANARY,),
        system=CANARY,
        tools=[tool],
        policy=SHORT,
        metadata={CANARY: CANARY},
    )
    store.retract(project.pk, made.id, (4, 4), CANARY)
    store.pin(project.pk, made.id, 1, reason=CANARY)
    store.edit(project.pk, made.id, Edit(title=f"{CANARY}!"))
    made = store.get(project.pk, made.id)
    for seq in (2, 3, 5):
        opinion = Opinion("bad", CANARY, needs_review=True)
        reviews.put(store, made, seq, opinion, CANARY)
    store.fork(project.pk, made.id, 3, f"{SHORT}fork")
    session(project, [{"role": "user", "content": CANARY}])
    return store.get(project.pk, made.id)


def addresses(made: Snapshot) -> list[str]:
    """Every page that shows something of the session."""
    one = f"/sessions/{made.id}"
    return [
        "/sessions/",
        "/sessions/?q=onerror&sort=tokens",
        f"{one}/",
        f"{one}/m/3/",
        f"{one}/m/7/?whole=true",
        f"{one}/m/3/?review=true",
        f"{one}/?view=json",
        f"{one}/?q={quote(SHORT)}",
        f"{one}/m/4/?q={quote(CANARY)}",
        f"{one}/context/",
        f"{one}/context/?format=anthropic",
        f"{one}/context/3/?tokens=1",
        f"{one}/m/999/",
    ]
