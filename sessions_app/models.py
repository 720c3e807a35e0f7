"""What was said, as rows.

Rows are written by `sessions_app.store.durable` alone; everything else reads. Times are whole
microseconds since the epoch (`*_us`), the same number on every database and in every digest.
Free data (metadata, tags, event data, message bodies) is JSON text rather than a JSON column:
PostgreSQL would reorder its keys and rewrite its numbers, and a digest is over the bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Self
from uuid import UUID

from django.db import connections, models
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.db.models.expressions import RawSQL

HOUR_US = 3600 * 1_000_000


class Unscoped(TypeError):
    """This model's rows belong to projects: ask with `.of(project)`, or say `everything`."""


class ScopedManager(models.Manager[Any]):
    """The default door to rows of a project: it opens with a project or not at all."""

    def of(self, project: int) -> Any:
        return super().get_queryset().filter(project_id=project)

    def get_queryset(self) -> NoReturn:
        raise Unscoped(f"{self.model.__name__}: {Unscoped.__doc__}")


class ProjectQuerySet(models.QuerySet["Project"]):
    def local(self) -> Self:
        """The one project of local use."""
        return self.filter(name="default")

    def owner(self, rows: models.QuerySet[Any, Any]) -> tuple[int, str, bool] | None:
        """The number and name of the one whose number `rows` has, and whether there is another."""
        others = Exists(Project.objects.using(self.db).exclude(pk=OuterRef("pk")))
        found = self.filter(pk__in=rows.using(self.db))
        return found.values_list("pk", "name", others).first()

    def first_named(self, name: str) -> Self:
        """All of them by name, but the one of this name first."""
        return self.order_by(Case(When(name=name, then=0), default=1), "name")


class Project(models.Model):
    """The tenant: owns sessions, end users, keys and policies."""

    name = models.CharField(max_length=64, unique=True)
    created_us = models.BigIntegerField()

    objects = ProjectQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_project"

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> Self:
        return self.filter(revoked_us=None)

    def named(self, prefix: str) -> Self:
        return self.filter(prefix=prefix)

    def of(self, project: int) -> Self:
        return self.filter(project_id=project)

    def newest(self) -> Self:
        return self.order_by("-pk")


class ApiKey(models.Model):
    """A program's right to one project. Only the SHA-256 of the secret is kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = models.CharField(max_length=32)
    label = models.CharField(max_length=255, blank=True, default="")
    created_us = models.BigIntegerField()
    revoked_us = models.BigIntegerField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_api_key"

    def __str__(self) -> str:
        return f"hf_{self.prefix}_..."


class EndUserManager(ScopedManager):
    def of(self, project: int) -> EndUserQuerySet:
        return EndUserQuerySet(self.model, using=self._db).filter(project_id=project)


class EndUserQuerySet(models.QuerySet["EndUser"]):
    def beginning(self, text: str) -> Self:
        """Those whose key begins so, to the letter. SQLite's LIKE knows no case and so no index;
        there keys are in the order of their characters, in PostgreSQL in that of a language."""
        if connections[self.db].vendor != "sqlite":
            return self.filter(key__startswith=text)
        return self.filter(key__gte=text, key__lte=text + chr(sys.maxunicode))


class EndUser(models.Model):
    """The caller's user, whose memory it is. `key` is the caller's own id for them."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    created_us = models.BigIntegerField()

    objects = EndUserManager()
    everything: ClassVar[models.Manager[EndUser]] = models.Manager()

    class Meta:
        db_table = "holdfast_end_user"
        base_manager_name = "everything"
        default_manager_name = "everything"
        constraints = (
            models.UniqueConstraint(fields=("project", "key"), name="holdfast_end_user_key"),
        )

    def __str__(self) -> str:
        return self.key


class Policy(models.Model):
    """One version of a named policy. A change is a new row; sessions keep the one they have.

    The rules in `data` are read by memory_app alone; the others stand beside them as the plain
    numbers that a session row copies: `capacity` is the window less the reserve, from `due_tokens`
    active tokens on a session is to be compressed, from `notice_tokens` on it is nearly full, and
    after a pause of `resume_us` it is resumed. NEVER stands for no such number.
    """

    NEVER = 2**62

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    name = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    window_tokens = models.BigIntegerField()
    capacity = models.BigIntegerField()
    due_tokens = models.BigIntegerField(default=NEVER, db_default=NEVER)
    notice_tokens = models.BigIntegerField(default=NEVER, db_default=NEVER)
    resume_us = models.BigIntegerField(default=NEVER, db_default=NEVER)
    data = models.TextField()
    created_us = models.BigIntegerField()

    objects = ScopedManager()
    everything: ClassVar[models.Manager[Policy]] = models.Manager()

    class Meta:
        db_table = "holdfast_policy"
        base_manager_name = "everything"
        default_manager_name = "everything"
        constraints = (
            models.UniqueConstraint(
                fields=("project", "name", "version"), name="holdfast_policy_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class SessionManager(ScopedManager):
    def of(self, project: int) -> SessionQuerySet:
        return SessionQuerySet(self.model, using=self._db).filter(project_id=project)


class SessionQuerySet(models.QuerySet["Session"]):
    def shown(self) -> Self:
        """All but the deleted ones."""
        return self.exclude(status=Session.DELETED)

    def unarchived(self) -> Self:
        return self.exclude(status=Session.ARCHIVED)

    def identified(self, ids: Sequence[UUID]) -> Self:
        return self.filter(id__in=ids)

    def of_user(self, key: str) -> Self:
        # A user is found by project and key, and the sessions by the user.
        return self.filter(end_user__key=key, end_user__project_id=F("project_id"))

    def tagged(self, tag: str) -> Self:
        return self.filter(pk__in=SessionTag.objects.filter(name=tag).values("session_id"))

    def active_between(self, since: int | None, until: int | None) -> Self:
        """Those whose span of activity overlaps [since, until], in microseconds."""
        rows = self
        if since is not None:
            # The hour adds nothing; it is what the index knows.
            rows = rows.filter(last_activity_us__gte=since, active_hour__gte=since // HOUR_US)
        if until is not None:
            rows = rows.filter(created_us__lte=until)
        return rows

    def in_status(self, status: str, idle_before: int) -> Self:
        """`idle` is an active session that nothing happened in since `idle_before`."""
        if status == "idle":
            return self.filter(status=Session.ACTIVE, last_activity_us__lt=idle_before)
        if status == Session.ACTIVE:
            return self.filter(status=Session.ACTIVE, last_activity_us__gte=idle_before)
        return self.filter(status=status)

    def among(self, statement: str, params: Sequence[Any]) -> Self:
        """Those whose numbers a statement of the store gives."""
        return self.filter(number__in=RawSQL(statement, params))  # noqa: S611 - the store's own

    def numbered(self, numbers: models.QuerySet[Any, Any]) -> Self:
        """Those whose numbers another query gives."""
        return self.filter(number__in=numbers)

    def keyed(self, key: str) -> Self:
        return self.filter(key=key)

    def with_fullness(self) -> Self:
        """Each with `fullness`: active tokens over capacity in millionths, the same whole number
        on every database."""
        return self.annotate(fullness=F("active_tokens") * 1_000_000 / F("capacity"))

    def compressed(self) -> Self:
        """Those of which something is folded."""
        return self.filter(compressions__gt=0)

    def as_full_as(self, fullness: int) -> Self:
        return self.with_fullness().filter(fullness__gte=fullness)

    def as_long_as(self, tokens: int) -> Self:
        return self.filter(tokens__gte=tokens)

    def beyond(self, column: str, place: tuple[int, int], *, descending: bool) -> Self:
        """Those that follow a row in (column, number) order."""
        value, number = place
        side = "lt" if descending else "gt"
        tied = Q(**{column: value, f"number__{side}": number})
        # The first condition adds nothing to the second; it is one that an index can begin at.
        rows = self.filter(**{f"{column}__{side}e": value})
        rows = rows.filter(Q(**{f"{column}__{side}": value}) | tied)
        if column == "last_activity_us":
            return rows.filter(**{f"active_hour__{side}e": value // HOUR_US})
        return rows

    def in_order(self, column: str, *, descending: bool) -> Self:
        """By a column, then by number, so that no two rows are alike."""
        # The hour adds nothing to the order; it is what the index knows.
        hour = ("active_hour",) if column == "last_activity_us" else ()
        names = (*hour, column, "number")
        return self.order_by(*(f"-{name}" if descending else name for name in names))


class Session(models.Model):
    """One conversation and the agent state around it.

    `version` is the optimistic lock; the counters, `head` and the `*_version` pointers move with
    it in the same conditional UPDATE, so one row read tells all that a write or context needs.
    `active_hour` is the hour of `last_activity_us` since the epoch: the list of the newest sessions
    is indexed by it, so that an append seldom has to move an index entry.

    The full-text index follows behind: it has messages 1..`indexed_messages`, and `indexed_words`
    of the session's own title, key, user and tags. `index_due_us` says since when there may be
    more, None that there is not; these three are no part of the log.

    Messages 1..`folded` are out of view but for those that the event at `fold_version` keeps.
    `due_us` says since when a compression is due, `due_trigger` and `due_seq` what it is for where
    that is not the level. Who compresses holds the row until `claim_until_us`; `claim` counts
    holders, so that one who lost it cannot store.

    An agent may take the lease of the session: until `lease_until_us` only `lease_holder` appends.
    `lease_token` counts leases and is never reset. It is no part of the log, of forks or exports.
    """

    ACTIVE, ENDED, ARCHIVED, DELETED = "active", "ended", "archived", "deleted"

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    end_user = models.ForeignKey(
        EndUser, models.PROTECT, related_name="+", null=True, db_index=False
    )
    key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - absent is not the empty key
    title = models.CharField(max_length=255, blank=True, default="")
    status = models.CharField(max_length=8, default=ACTIVE)
    version = models.BigIntegerField()
    messages = models.BigIntegerField(default=0)
    turns = models.BigIntegerField(default=0)
    turn_start = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    active_tokens = models.BigIntegerField(default=0)
    capacity = models.BigIntegerField()
    window_tokens = models.BigIntegerField()
    prompt_version = models.BigIntegerField(default=1)
    overlay_version = models.BigIntegerField(default=0)
    policy_name = models.CharField(max_length=64)
    policy_version = models.PositiveIntegerField()
    head = models.BinaryField(max_length=32)
    metadata = models.TextField(default="{}")
    tags = models.TextField(default="[]")
    created_us = models.BigIntegerField()
    last_activity_us = models.BigIntegerField()
    active_hour = models.BigIntegerField()
    purge_us = models.BigIntegerField(null=True)
    forked_from = models.UUIDField(null=True)
    forked_at = models.BigIntegerField(null=True)
    folded = models.BigIntegerField(default=0, db_default=0)
    fold_version = models.BigIntegerField(default=0, db_default=0)
    compressions = models.BigIntegerField(default=0, db_default=0)
    facts = models.BigIntegerField(default=0, db_default=0)
    due_us = models.BigIntegerField(null=True)
    due_trigger = models.CharField(max_length=8, default="", db_default="")
    due_seq = models.BigIntegerField(default=0, db_default=0)
    due_tokens = models.BigIntegerField(default=Policy.NEVER, db_default=Policy.NEVER)
    notice_tokens = models.BigIntegerField(default=Policy.NEVER, db_default=Policy.NEVER)
    resume_us = models.BigIntegerField(default=Policy.NEVER, db_default=Policy.NEVER)
    claim = models.BigIntegerField(default=0, db_default=0)
    claim_until_us = models.BigIntegerField(default=0, db_default=0)
    lease_token = models.BigIntegerField(default=0, db_default=0)
    lease_until_us = models.BigIntegerField(default=0, db_default=0)
    lease_holder = models.CharField(max_length=255, default="", db_default="", blank=True)
    index_due_us = models.BigIntegerField(null=True, default=0, db_default=0)
    indexed_messages = models.BigIntegerField(default=0, db_default=0)
    indexed_words = models.TextField(default="", db_default="")

    objects = SessionManager()
    everything: ClassVar[models.Manager[Session]] = models.Manager.from_queryset(SessionQuerySet)()

    class Meta:
        db_table = "holdfast_session"
        base_manager_name = "everything"
        default_manager_name = "everything"
        constraints = (
            models.UniqueConstraint(fields=("project", "key"), name="holdfast_session_key"),
        )
        indexes = (
            models.Index(fields=("project", "active_hour"), name="holdfast_session_recent"),
            models.Index(fields=("end_user", "active_hour"), name="holdfast_session_of_user"),
            models.Index(
                fields=("project", "created_us", "number"), name="holdfast_session_created"
            ),
            models.Index(fields=("purge_us",), name="holdfast_session_purge"),
            models.Index(
                fields=("forked_from",),
                condition=Q(forked_from__isnull=False),
                name="holdfast_session_forks",
            ),
            models.Index(
                fields=("due_us", "number"),
                condition=Q(due_us__isnull=False),
                name="holdfast_session_due",
            ),
            models.Index(
                fields=("index_due_us", "number"),
                condition=Q(index_due_us__isnull=False),
                name="holdfast_session_index_due",
            ),
        )

    def __str__(self) -> str:
        return self.title or self.key or str(self.id)


class SessionTag(models.Model):
    """A tag of a session, as a row of its own so that it can be filtered by."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)

    class Meta:
        db_table = "holdfast_session_tag"
        constraints = (
            models.UniqueConstraint(fields=("name", "session"), name="holdfast_session_tag_name"),
        )

    def __str__(self) -> str:
        return self.name


class Message(models.Model):
    """One immutable item of what was said.

    `tokens_total` and `turn` are running totals up to and including this message: the size of any
    left-out range is one subtraction, however long the session. `turn_start` is the seq of the user
    message that began its turn (0 before the first), so turns are found without a scan.

    A large body is packed (`core.packing`): `packed` is its text as a zstd frame, `body` a mark
    with the beginning of it. `packed` is None for a plain one, and whoever blanks `body` must
    empty it too.
    """

    pk = models.CompositePrimaryKey("session_id", "seq")
    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    version = models.BigIntegerField()
    turn = models.BigIntegerField()
    turn_start = models.BigIntegerField()
    role = models.CharField(max_length=9)
    form = models.PositiveSmallIntegerField()
    tokens = models.BigIntegerField()
    tokens_total = models.BigIntegerField()
    tokens_estimated = models.BooleanField()
    batch_end = models.BooleanField()
    created_us = models.BigIntegerField()
    salt = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32)
    body = models.TextField()
    packed = models.BinaryField(null=True)

    class Meta:
        db_table = "holdfast_message"

    def __str__(self) -> str:
        return f"#{self.seq} {self.role}"


class Event(models.Model):
    """Any other change of a session; `data` holds the new value."""

    pk = models.CompositePrimaryKey("session_id", "version")
    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    version = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    batch_end = models.BooleanField()
    created_us = models.BigIntegerField()
    salt = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32)
    data = models.TextField()

    class Meta:
        db_table = "holdfast_event"

    def __str__(self) -> str:
        return f"{self.version} {self.kind}"


class ReviewQuerySet(models.QuerySet["Review"]):
    def of(self, session: int) -> Self:
        """Those of one session, in the order of its messages."""
        return self.filter(session_id=session).order_by("seq")

    def between(self, first: int, last: int) -> Self:
        return self.filter(seq__range=(first, last))

    def needed(self) -> Self:
        """Those whose message somebody should look at."""
        return self.filter(needs_review=True)

    def rated(self, rating: str) -> Self:
        return self.filter(rating=rating)

    def of_project(self, project: int) -> Self:
        return self.filter(session__project_id=project)


class Review(models.Model):
    """What members think of a message: one review a message, which the last to write decides.

    Written by `sessions_app.reviews` alone. It is no part of the log: it changes no version, no
    digest covers it, a fork begins without it, and it goes with its session.
    """

    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    rating = models.CharField(max_length=4, blank=True, default="")
    comment = models.TextField(blank=True, default="")
    needs_review = models.BooleanField(default=False)
    member = models.CharField(max_length=255)
    created_us = models.BigIntegerField()
    updated_us = models.BigIntegerField()

    objects = ReviewQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_review"
        constraints = (
            models.UniqueConstraint(fields=("session", "seq"), name="holdfast_review_message"),
        )
        indexes = (
            models.Index(
                fields=("session", "seq"),
                condition=Q(needs_review=True),
                name="holdfast_review_needed",
            ),
        )

    def __str__(self) -> str:
        return f"#{self.seq} {self.rating or '-'}"


class SavedView(models.Model):
    """A list of sessions under a name, for all members of its project.

    Written by `sessions_app.savedviews` alone. `query` is the query of the page of sessions, which
    alone knows how to read it.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=64)
    query = models.TextField()
    member = models.CharField(max_length=255)
    created_us = models.BigIntegerField()

    objects = ScopedManager()
    everything: ClassVar[models.Manager[SavedView]] = models.Manager()

    class Meta:
        db_table = "holdfast_view"
        base_manager_name = "everything"
        default_manager_name = "everything"
        constraints = (
            models.UniqueConstraint(fields=("project", "name"), name="holdfast_view_name"),
        )

    def __str__(self) -> str:
        return self.name


class Epoch(models.Model):
    """One row: a random token that is another one after every purge, erasure and end of a link.
    What was kept of rows elsewhere carries it, so nothing that should be gone is believed."""

    token = models.CharField(max_length=32)

    class Meta:
        db_table = "holdfast_epoch"

    def __str__(self) -> str:
        return self.token


class Beat(models.Model):
    """The newest token that a process stored here, for which it looks in replicas of this database:
    see `core.beats`. A row for each process, so that none replaces the token of another."""

    process = models.CharField(max_length=32, primary_key=True)
    token = models.CharField(max_length=32)
    at_us = models.BigIntegerField()

    class Meta:
        db_table = "holdfast_beat"

    def __str__(self) -> str:
        return self.process


class OutageQuerySet(models.QuerySet["Outage"]):
    def newest(self) -> Self:
        return self.order_by("-pk")


class Outage(models.Model):
    """A part of an installation that was broken for a while, as one process found it."""

    part = models.CharField(max_length=32)
    cause = models.CharField(max_length=255)
    since_us = models.BigIntegerField()
    until_us = models.BigIntegerField()
    process = models.CharField(max_length=255)

    objects = OutageQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_outage"

    def __str__(self) -> str:
        return f"{self.part}: {self.cause}"

    @property
    def lasted_us(self) -> int:
        """How long it was broken, in microseconds."""
        return self.until_us - self.since_us


class RequestKey(models.Model):
    """What was answered to a request with an Idempotency-Key, so that it can be said again.

    `session_number` is set where the answer quotes a session's content, for a purge to find it.
    """

    pk = models.CompositePrimaryKey("project_id", "key")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    session_number = models.BigIntegerField(null=True)
    status = models.PositiveSmallIntegerField()
    answer = models.TextField()
    created_us = models.BigIntegerField()

    class Meta:
        db_table = "holdfast_request_key"
        indexes = (
            models.Index(fields=("created_us",), name="holdfast_request_key_age"),
            models.Index(
                fields=("session_number",),
                condition=Q(session_number__isnull=False),
                name="holdfast_request_key_session",
            ),
        )

    def __str__(self) -> str:
        return self.key
