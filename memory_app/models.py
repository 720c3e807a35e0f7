"""What is kept of what was said, as rows.

Rows are written by `memory_app.pipeline`, in the transaction of the event that tells of them, and
facts by `memory_app.facts` too; everything else reads. Times are whole microseconds since the epoch
(`*_us`); `since` and `until` are versions of the session: a row holds at version v when
since <= v < until.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import ClassVar, NamedTuple, Self
from uuid import UUID

from django.db import models
from django.db.models import Case, Count, F, Max, OuterRef, Q, Subquery, Value, When

from memory_app.columns import LostItems
from sessions_app.models import EndUser, Project, ScopedManager, Session
from sessions_app.store.base import Snapshot

FOR_EVER = 2**62
MOST_WORDS = 32
"""Words of a question that facts are looked through for."""


class Compacted(NamedTuple):
    """What a tool compacted by itself: of how many sessions, how often, and how many items it lost
    in that, as far as they were audited."""

    tool: str
    sessions: int
    compactions: int
    lost: int


class CompressionQuerySet(models.QuerySet["Compression"]):
    def of_session(self, number: int) -> Self:
        return self.filter(session_id=number).order_by("-number")

    def older_than(self, number: int) -> Self:
        return self.filter(number__lt=number)

    def newer_than(self, number: int) -> Self:
        """Those after a row, the next one first."""
        return self.filter(number__gt=number).order_by("number")

    def identified(self, ids: list[UUID]) -> Self:
        return self.filter(id__in=ids)

    def applied(self) -> Self:
        return self.filter(outcome=Compression.APPLIED, version__isnull=False)

    def at(self, number: int, version: int) -> Self:
        """The one whose event has this version of the session."""
        return self.filter(session_id=number, version=version)

    def telling(
        self, number: int, versions: Collection[int], *, decisions_of: Collection[int]
    ) -> list[tuple[int | None, UUID, int | None, str, str]]:
        """(version, id, ordinal, audit, decisions) of those of a session whose events have these
        versions; the decisions, of a large one a large text, only for `decisions_of`."""
        rows = self.applied().filter(session_id=number, version__in=versions)
        chosen = When(version__in=decisions_of, then="decisions")
        told = Case(chosen, default=Value("[]"), output_field=models.TextField())
        return list(
            rows.annotate(told=told).values_list("version", "id", "ordinal", "audit", "told")
        )

    def unfinished(self) -> Self:
        return self.filter(outcome__in=(Compression.QUEUED, Compression.RUNNING))

    def foreign(self) -> Self:
        """Those of other tools, which fold nothing here."""
        return self.filter(Compression.FOREIGN)

    def ours(self) -> Self:
        return self.exclude(Compression.FOREIGN)

    def in_outcome(self, *outcomes: str) -> Self:
        return self.filter(outcome__in=outcomes)

    def losing(self) -> Self:
        """Those that lost something."""
        return self.filter(lost__gt=0)

    def shown(self) -> Self:
        """Without those of deleted sessions, which nobody may read. These are few and have an
        index; a join would let a planner begin with the sessions, which are many."""
        deleted = Session.everything.using(self.db).filter(purge_us__gt=0)
        return self.exclude(session_id__in=deleted.values("number"))

    def newest(self) -> Self:
        return self.order_by("-number")

    def by_tool(self, most: int) -> list[Compacted]:
        """What other tools compacted, most sessions first; of many rows only the newest `most`
        count. All that is read of them stands in their index."""
        rows = self.foreign().shown().newest().values_list("trigger", "session_id", "lost")
        sessions: dict[str, set[int]] = {}
        made: Counter[str] = Counter()
        gone: Counter[str] = Counter()
        for tool, session, lost in rows[:most]:
            sessions.setdefault(tool, set()).add(session)
            made[tool] += 1
            gone[tool] += lost or 0
        found = [Compacted(tool, len(of), made[tool], gone[tool]) for tool, of in sessions.items()]
        return sorted(found, key=lambda one: (-one.sessions, one.tool))


class CompressionManager(ScopedManager):
    def of(self, project: int) -> CompressionQuerySet:
        return CompressionQuerySet(self.model, using=self._db).filter(project_id=project)


class Compression(models.Model):
    """One step that folds the messages first..last of a session, and the account of it.

    `version` is that of its event and `ordinal` its place among those of its session, None until
    it is applied. `decisions` and `audit` are JSON text
    as the contract shows them; `attempts` counts tries, `tried` says how each failed one ended.
    `lost` is read from the audit by the database: how many items it found lost.
    """

    QUEUED, RUNNING, APPLIED, FAILED, REFUSED = "queued", "running", "applied", "failed", "refused"
    FOREIGN = Q(outcome=APPLIED, version__isnull=True)

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    version = models.BigIntegerField(null=True)
    ordinal = models.BigIntegerField(null=True)
    trigger = models.CharField(max_length=32)
    policy_name = models.CharField(max_length=64)
    policy_version = models.PositiveIntegerField()
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    engine = models.CharField(max_length=128, default="")
    instructions = models.TextField(default="")
    tokens_before = models.BigIntegerField(default=0)
    tokens_after = models.BigIntegerField(default=0)
    decisions = models.TextField(default="[]")
    audit = models.TextField(default="{}")
    facts = models.BigIntegerField(default=0)
    queued_us = models.BigIntegerField()
    started_us = models.BigIntegerField(null=True)
    finished_us = models.BigIntegerField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    tried = models.TextField(default="[]")
    outcome = models.CharField(max_length=8, default=QUEUED)
    error = models.TextField(default="")
    lost = models.GeneratedField(
        expression=LostItems("audit"),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
    )

    objects = CompressionManager()
    everything: ClassVar[models.Manager[Compression]] = models.Manager.from_queryset(
        CompressionQuerySet
    )()

    class Meta:
        db_table = "holdfast_compression"
        base_manager_name = "everything"
        default_manager_name = "everything"
        constraints = (
            models.UniqueConstraint(
                fields=("session", "version"), name="holdfast_compression_version"
            ),
        )
        indexes = (
            models.Index(fields=("session", "number"), name="holdfast_compression_session"),
            # What a list of them is narrowed by is read from the index, not from the rows, of
            # which many are large.
            models.Index(
                fields=("project", "number", "outcome", "version", "lost"),
                name="holdfast_compression_listed",
            ),
            models.Index(
                fields=("project", "number", "trigger", "session", "lost"),
                condition=Q(outcome="applied", version__isnull=True),
                name="holdfast_compression_foreign",
            ),
            models.Index(
                fields=("project", "session"),
                condition=Q(lost__gt=0),
                name="holdfast_compression_losing",
            ),
        )

    def __str__(self) -> str:
        return f"{self.trigger} {self.first}-{self.last}"


class Summary(models.Model):
    """What the compression at `version` wrote; never edited, only followed by the next.

    It covers messages first..last, all that is folded. `points` are its points as JSON text, each
    [text, [seq, ...], score]; `tokens` what they take in a context, framing included. `totals` says
    as JSON text how many messages and tokens have which fate: {fate: [messages, tokens]}.
    """

    pk = models.CompositePrimaryKey("session_id", "version")
    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    version = models.BigIntegerField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    style = models.CharField(max_length=16)
    points = models.TextField()
    tokens = models.BigIntegerField()
    ordinal = models.BigIntegerField()
    totals = models.TextField()

    class Meta:
        db_table = "holdfast_summary"

    def __str__(self) -> str:
        return f"{self.style} of {self.first}-{self.last}"


class FateRunQuerySet(models.QuerySet["FateRun"]):
    def at(self, number: int, version: int) -> Self:
        """The runs of a session that hold at a version, in order of seq."""
        rows = self.filter(session_id=number, since__lte=version, until__gt=version)
        return rows.order_by("first")

    def newest(self, before: int, most: int) -> Self:
        """The last `most` of them that begin before a message, newest first."""
        return self.filter(first__lt=before).order_by("-first")[:most]

    def touching(self, first: int, last: int) -> Self:
        return self.filter(last__gte=first, first__lte=last)


class FateRun(models.Model):
    """A run of folded messages with one fate, given by the `ordinal`-th compression of the
    session, whose event has version `decided`. `tokens` are those of its messages.

    At any version the runs that hold cover 1..folded without gap or overlap; what is not folded is
    verbatim. `rule` and `score` are of retained runs, whose place is decided anew each time.
    """

    RETAINED, SUMMARISED, EXTRACTED, DISCARDED = 1, 2, 3, 4

    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    fate = models.PositiveSmallIntegerField()
    tokens = models.BigIntegerField()
    ordinal = models.BigIntegerField()
    decided = models.BigIntegerField()
    rule = models.CharField(max_length=32, default="")
    score = models.FloatField(default=0)
    since = models.BigIntegerField()
    until = models.BigIntegerField(default=FOR_EVER)

    objects = FateRunQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_fate_run"
        indexes = (
            models.Index(fields=("session", "until", "first"), name="holdfast_fate_run_holding"),
        )

    def __str__(self) -> str:
        return f"{self.first}-{self.last} {self.fate}"


class FactManager(ScopedManager):
    def of(self, project: int) -> FactQuerySet:
        return FactQuerySet(self.model, using=self._db).filter(project_id=project)


def _must() -> Q:
    telling = Q(category=Fact.CORRECTION) | ~Q(key="")
    return Q(pinned=True) | (telling & Q(trust__in=Fact.OF_PEOPLE))


class FactQuerySet(models.QuerySet["Fact"]):
    def of_session(self, number: int, version: int) -> Self:
        """Those that came of a session and hold at a version."""
        return self.filter(session_id=number, since__lte=version, until__gt=version)

    def known_to(self, number: int, version: int) -> Self:
        """Those that came of a session up to a version, whatever became of them."""
        return self.filter(session_id=number, since__lte=version)

    def of_user(self, key: str) -> Self:
        return self.filter(end_user__key=key)

    def of_end_user(self, row: int) -> Self:
        return self.filter(end_user_id=row)

    def of_end_users(self, rows: Collection[int]) -> Self:
        return self.filter(end_user_id__in=rows)

    def newest(self, user: int) -> Self:
        """The newest first, but those of this user before those of any other."""
        others = Case(When(end_user_id=user, then=0), default=1)
        return self.order_by(others, "-number")

    def owned_by(self, user: int | None, session: int | None) -> Self:
        """Those of a user, or else of a session that has none."""
        if user is not None:
            return self.filter(end_user_id=user)
        return self.filter(end_user_id=None, session_id=session)

    def with_keys(self, keys: Collection[str]) -> Self:
        return self.filter(key__in=keys).exclude(key="")

    def identified(self, ids: Collection[UUID]) -> Self:
        return self.filter(id__in=ids)

    def put_into(self, session: int) -> Self:
        """Those that kept contexts of a session held."""
        held = Injection.objects.using(self.db).filter(context__session_id=session)
        return self.filter(pk__in=held.values("fact_id"))

    def told_by(self, session: Snapshot) -> Self:
        """Those that came of a session, and those of its user that quote it."""
        own = Q(session_id=session.number)
        if session.user is None:
            return self.filter(own)
        quoted = Q(end_user__key=session.user, sources__contains=f'"{session.id}"')
        return self.filter(own | quoted)

    def quoting(self, session: UUID) -> Self:
        """Those with a source in a session."""
        return self.filter(sources__contains=f'"{session}"')

    def given_way(self, fact: UUID) -> Self:
        """Those in whose place another one stands, and those that wait because they contradict a
        fact."""
        waiting = Q(status=Fact.QUARANTINED, metadata__contains=f'"{fact}"')
        return self.filter(Q(superseded_by__isnull=False) | waiting)

    def states(self) -> models.QuerySet[Fact, tuple[int, UUID, int, int | None]]:
        """(number, id, revision, time of the last edit) of each; a fact that is as it was stored
        has no such time."""
        last = FactRevision.objects.filter(fact_id=OuterRef("pk"), revision=OuterRef("revision"))
        edit = When(revision__gt=1, then=Subquery(last.values("created_us")))
        edited = Case(edit, output_field=models.BigIntegerField(null=True))
        return self.annotate(edited_us=edited).values_list("number", "id", "revision", "edited_us")

    def active(self) -> Self:
        return self.filter(status=Fact.ACTIVE)

    def in_status(self, status: str) -> Self:
        return self.filter(status=status)

    def pinned(self) -> Self:
        """The active ones that a person pinned."""
        return self.active().filter(pinned=True)

    def holding(self, now: int) -> Self:
        """Those that are true at a time."""
        begun = Q(valid_us=None) | Q(valid_us__lte=now)
        return self.filter(begun, Q(invalid_us=None) | Q(invalid_us__gt=now))

    def shown(self) -> Self:
        """All but those of deleted sessions, and those known from one alone."""
        there = Q(session=None) | ~Q(session__status=Session.DELETED)
        return self.filter(there, Q(learnt_in=None) | ~Q(learnt_in__status=Session.DELETED))

    def told(self) -> Self:
        """Each with `user` and `in_session`, the names of whom it is of, and `session_status`."""
        return self.annotate(
            user=F("end_user__key"),
            in_session=F("session__id"),
            session_status=F("session__status"),
        )

    def in_category(self, category: str) -> Self:
        return self.filter(category=category)

    def tied(self) -> Self:
        """Those that name what they are about."""
        return self.exclude(subject="", object="")

    def saying(self, words: list[str]) -> Self:
        """Those that have every one of these folded words; the last may be a beginning."""
        rows = self
        for word in words[:-1]:
            rows = rows.filter(words__contains=f" {word} ")
        return rows.filter(words__contains=f" {words[-1]}") if words else rows

    def naming(self, words: list[str]) -> Self:
        """Those that have at least one of these folded words, or one that begins with it."""
        asked = Q(pk__in=[])
        for word in words[:MOST_WORDS]:
            asked |= Q(words__contains=f" {word}")
        return self.filter(asked)

    def standing(self, words: list[str]) -> Self:
        """Those that matter beyond the session they came of: what must be there, what was stored by
        hand, and those that have one of these words."""
        asked = self.naming(words) if words else self.none()
        return self.filter(_must() | Q(session=None, learnt_by="")) | asked

    def must(self) -> Self:
        """Those that a context has whatever is asked, where there is room."""
        return self.filter(_must())

    def best(self, most: int) -> Self:
        """What a person pinned or corrected first, then what says most."""
        must = Case(When(_must(), then=0), default=1)
        return self.order_by(must, "-score", "number")[:most]


class Fact(models.Model):
    """One remembered statement; owned by an end user, or by a session that has none.

    `sources` are JSON text: [{session, seq, quote}], each quote a substring of its message; `seq`
    is the first of them. `tokens` is what its text takes, `words` its folded words between blanks.
    A name that is not given (key, subject, relation, object) is empty. `valid_us` and `invalid_us`
    are since when and until when it is true; `superseded_by` is the id of the one in its place.
    `revision` counts edits: see FactRevision. How often it was used is told by its injections:
    see `factuses.counted`. `confirmed_us` is when it was said again, last.

    What was learnt of what a user said is of the user alone; `learnt_by` signs it with who found
    it, and `learnt_in` is the session it is known from while there is but one: it goes with that.
    """

    ACTIVE, SUPERSEDED, RETIRED, QUARANTINED = "active", "superseded", "retired", "quarantined"
    OF_PEOPLE = ("user", "editor")
    """Whose word may go before others by itself."""
    CORRECTION = "correction"
    """The category of what sets something right: like a pinned one it goes before others."""

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    end_user = models.ForeignKey(
        EndUser, models.CASCADE, related_name="+", null=True, db_index=False
    )
    session = models.ForeignKey(
        Session, models.CASCADE, related_name="+", null=True, db_index=False
    )
    text = models.TextField()
    category = models.CharField(max_length=64)
    status = models.CharField(max_length=12, default=ACTIVE)
    pinned = models.BooleanField(default=False)
    score = models.FloatField(default=0)
    confidence = models.FloatField(default=1)
    trust = models.CharField(max_length=8)
    sources = models.TextField(default="[]")
    seq = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    words = models.TextField(default="")
    since = models.BigIntegerField(default=0)
    until = models.BigIntegerField(default=FOR_EVER)
    revision = models.PositiveIntegerField(default=1)
    created_us = models.BigIntegerField()
    key = models.CharField(max_length=255, default="", db_default="")
    subject = models.CharField(max_length=255, default="", db_default="")
    relation = models.CharField(max_length=255, default="", db_default="")
    object = models.CharField(max_length=255, default="", db_default="")
    valid_us = models.BigIntegerField(null=True)
    invalid_us = models.BigIntegerField(null=True)
    superseded_by = models.UUIDField(null=True)
    metadata = models.TextField(default="{}", db_default="{}")
    confirmed_us = models.BigIntegerField(null=True)
    learnt_by = models.CharField(max_length=128, default="", db_default="")
    learnt_in = models.ForeignKey(
        Session, models.CASCADE, related_name="+", null=True, db_index=False
    )

    objects = FactManager()
    everything: ClassVar[models.Manager[Fact]] = models.Manager.from_queryset(FactQuerySet)()

    class Meta:
        db_table = "holdfast_fact"
        base_manager_name = "everything"
        default_manager_name = "everything"
        indexes = (
            models.Index(fields=("session", "until"), name="holdfast_fact_of_session"),
            models.Index(fields=("session", "since"), name="holdfast_fact_by_compression"),
            models.Index(
                fields=("end_user",),
                condition=Q(end_user__isnull=False),
                name="holdfast_fact_of_user",
            ),
            models.Index(fields=("project", "status", "number"), name="holdfast_fact_in_status"),
            models.Index(fields=("project", "number"), name="holdfast_fact_listed"),
            models.Index(
                fields=("learnt_in",),
                condition=Q(learnt_in__isnull=False),
                name="holdfast_fact_learnt_in",
            ),
            # `statements.known_of_user` says the same in the same words: only then is it used.
            models.Index(
                fields=("end_user",),
                condition=Q(status="active")
                & (
                    Q(pinned__in=(True,))  # which every Django writes alike
                    | ((Q(category="correction") | ~Q(key="")) & Q(trust__in=("user", "editor")))
                    | (Q(session__isnull=True) & Q(learnt_by=""))
                ),
                name="holdfast_fact_matters",
            ),
        )

    def __str__(self) -> str:
        return self.text


class Learnt(models.Model):
    """How far the messages of a session were looked through for what its user says of themselves:
    1..`messages`, in which so many statements were `found`, and so many that are no news because
    they were `injected`.

    Of messages 1..`imported` nobody here knows who wrote them. In a `shared` session others than
    its user speak, so that a message without an author may be theirs. `overlay` is the version of
    what is retracted that was heeded. Who looks holds the row until `held_until_us`.
    """

    session = models.OneToOneField(
        Session, models.CASCADE, related_name="+", primary_key=True, db_index=False
    )
    messages = models.BigIntegerField(default=0)
    found = models.BigIntegerField(default=0)
    injected = models.BigIntegerField(default=0)
    imported = models.BigIntegerField(default=0)
    shared = models.BooleanField(default=False)
    overlay = models.BigIntegerField(default=0, db_default=0)
    held_until_us = models.BigIntegerField(default=0)

    class Meta:
        db_table = "holdfast_learnt"

    def __str__(self) -> str:
        return f"learnt up to {self.messages}"


class FactRevisionQuerySet(models.QuerySet["FactRevision"]):
    def after(self, fact: int, revision: int) -> Self:
        """The revisions of a fact after one, newest first."""
        return self.filter(fact_id=fact, revision__gt=revision).order_by("-revision")

    def of_facts(self, numbers: Collection[int]) -> Self:
        """Those of some facts, newest first."""
        return self.filter(fact_id__in=numbers).order_by("-revision")

    def of_end_user(self, row: int) -> Self:
        """Those of a user's facts, oldest first."""
        return self.filter(fact__end_user_id=row).order_by("revision")

    def made_after(self, number: int, version: int) -> Self:
        """Those of a session's facts made after a version, newest first."""
        return self.filter(session_id=number, version__gt=version).order_by("-revision")


class FactRevision(models.Model):
    """One edit of a fact, which then has this `revision`; the first one is the fact as stored.

    `changes` are JSON text: {field: [before, after]}. A fact of a session changes with an event of
    it, whose version `version` is; 0 for any other fact.
    """

    number = models.BigAutoField(primary_key=True)
    fact = models.ForeignKey(Fact, models.CASCADE, related_name="+", db_index=False)
    session = models.ForeignKey(
        Session, models.CASCADE, related_name="+", null=True, db_index=False
    )
    version = models.BigIntegerField(default=0)
    revision = models.PositiveIntegerField()
    editor = models.CharField(max_length=255)
    reason = models.TextField(default="")
    changes = models.TextField()
    created_us = models.BigIntegerField()

    objects = FactRevisionQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_fact_revision"
        constraints = (
            models.UniqueConstraint(fields=("fact", "revision"), name="holdfast_fact_revised"),
        )
        indexes = (
            models.Index(
                fields=("session", "version"),
                condition=Q(session__isnull=False),
                name="holdfast_fact_revised_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.revision} by {self.editor}"


class Consolidated(models.Model):
    """When the facts of a user were last looked through for what can go: at most once a day.

    A row of memory's own rather than a column of the user's: that row belongs to sessions, which
    know nothing of facts, and a user of whom nothing is remembered needs none.
    """

    end_user = models.OneToOneField(EndUser, models.CASCADE, related_name="+", primary_key=True)
    at_us = models.BigIntegerField()

    class Meta:
        db_table = "holdfast_consolidated"

    def __str__(self) -> str:
        return f"{self.end_user_id} at {self.at_us}"


class UserLinkQuerySet(models.QuerySet["UserLink"]):
    def between(self, reader: int, linked: int) -> Self:
        return self.filter(reader_id=reader, linked_id=linked)

    def read_by(self, reader: int) -> Self:
        return self.filter(reader_id=reader)

    def told(self) -> Self:
        """Each with the users and their projects, in the order in which they were made."""
        return self.select_related("reader__project", "linked__project").order_by("number")


class UserLink(models.Model):
    """`reader` may read the facts of `linked`, a user of any project; it goes one way, and no
    further: what `linked` reads by a link of theirs is not read. Only an operator makes one."""

    number = models.BigAutoField(primary_key=True)
    reader = models.ForeignKey(EndUser, models.CASCADE, related_name="+", db_index=False)
    linked = models.ForeignKey(EndUser, models.CASCADE, related_name="+")
    created_us = models.BigIntegerField()

    objects = UserLinkQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_user_link"
        constraints = (
            models.UniqueConstraint(fields=("reader", "linked"), name="holdfast_user_link_pair"),
            models.CheckConstraint(
                condition=~Q(reader=F("linked")), name="holdfast_user_link_of_two"
            ),
        )

    def __str__(self) -> str:
        return f"{self.reader_id} reads {self.linked_id}"


class ContextRecordManager(models.Manager["ContextRecord"]):
    """The door to the contexts of a project, which are those of its sessions."""

    def of(self, project: int) -> models.QuerySet[ContextRecord]:
        return super().get_queryset().filter(session__project_id=project)


class ContextRecord(models.Model):
    """A context that was kept: what it was made of, not its messages, which the log has.

    BUILT ones were built here, as of `version`, under a version of a policy, within `room` tokens;
    `account` is their parts as JSON: [[name, tokens, packed ranges, summary], ...]. OBSERVED ones
    were sent by the caller's own code to `model`; `account` is how they stand to the log. `digest`
    covers all that was sent. `provided` is JSON text: [[name, text], ...] of context providers, and
    `choices` what was chosen by what was known then: see `records.choices_text`.
    """

    BUILT, OBSERVED = "built", "observed"

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8)
    version = models.BigIntegerField()
    form = models.CharField(max_length=9)
    policy_name = models.CharField(max_length=64)
    policy_version = models.PositiveIntegerField()
    query = models.TextField(default="")
    model = models.CharField(max_length=255, default="")
    room = models.BigIntegerField()
    tokens = models.BigIntegerField()
    account = models.TextField()
    provided = models.TextField(default="[]", db_default="[]")
    choices = models.TextField(default="", db_default="")
    digest = models.BinaryField(max_length=32)
    created_us = models.BigIntegerField()

    objects = ContextRecordManager()

    class Meta:
        db_table = "holdfast_context"
        indexes = (models.Index(fields=("session", "version"), name="holdfast_context_session"),)

    def __str__(self) -> str:
        return f"{self.kind} at {self.version}"


class InjectionQuerySet(models.QuerySet["Injection"]):
    def in_context(self, record: int) -> Self:
        """Those of a recorded context, in the order in which the facts stood there."""
        return self.filter(context_id=record).order_by("place")

    def of_fact(self, fact: int) -> Self:
        """The contexts a fact was put into, newest first."""
        return self.filter(fact_id=fact).order_by("-context_id")

    def of_facts(self, facts: Collection[UUID]) -> Self:
        return self.filter(fact__id__in=facts)

    def shown(self, project: int) -> Self:
        """Those in sessions of a project, but for deleted ones: a linked user's fact is put into
        contexts of other projects too, which are not to be told."""
        rows = self.filter(context__session__project_id=project)
        return rows.exclude(context__session__status=Session.DELETED)

    def counted(self, facts: Collection[int]) -> models.QuerySet[Injection, tuple[int, int, int]]:
        """Of each of these facts how often it was used, and when last: (number, uses, time)."""
        rows = self.filter(fact_id__in=facts).order_by().values("fact_id")
        figures = rows.annotate(uses=Count("context_id"), last_us=Max("context__created_us"))
        return figures.values_list("fact_id", "uses", "last_us")


class Injection(models.Model):
    """A fact was put into a recorded context, as the one at `place` (from 0) of its facts.

    A fact may be gone before the contexts it was in, so the database does not hold it. The index
    has facts alone: of the few that most contexts have, PostgreSQL then keeps a list of rows.
    """

    pk = models.CompositePrimaryKey("context_id", "place")
    context = models.ForeignKey(ContextRecord, models.CASCADE, related_name="+", db_index=False)
    place = models.SmallIntegerField()
    fact = models.ForeignKey(
        Fact, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )

    objects = InjectionQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_injection"
        indexes = (models.Index(fields=("fact",), name="holdfast_injection_fact"),)

    def __str__(self) -> str:
        return f"fact {self.fact_id} in context {self.context_id}"


STORE_NAME = 100
"""Characters of the name of a store of vectors."""


class EmbeddedQuerySet(models.QuerySet["Embedded"]):
    def of_session(self, number: int) -> Self:
        return self.filter(session_id=number)


class Embedded(models.Model):
    """How far the messages of a session have vectors: 1..`messages` were looked at, and those that
    say something have one of `model`, with so many `dimensions`.

    `store` keeps them, `outside` of them so far, under the name `place`; none, and they are rows.
    Both are written before anything is sent there. Who makes them holds the row until
    `claim_until_us`; `claim` counts holders, so that one who lost it cannot store.
    """

    session = models.OneToOneField(
        Session, models.CASCADE, related_name="+", primary_key=True, db_index=False
    )
    model = models.CharField(max_length=255)
    dimensions = models.PositiveIntegerField()
    messages = models.BigIntegerField(default=0)
    claim = models.BigIntegerField(default=0)
    claim_until_us = models.BigIntegerField(default=0)
    store = models.CharField(max_length=STORE_NAME, default="", db_default="")
    place = models.CharField(max_length=32, default="", db_default="")
    outside = models.BigIntegerField(default=0, db_default=0)

    objects = EmbeddedQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_embedded"

    def __str__(self) -> str:
        return f"{self.model} up to {self.messages}"


class VectorQuerySet(models.QuerySet["Vector"]):
    def of_session(self, number: int) -> Self:
        return self.filter(session_id=number).order_by("seq")


class Vector(models.Model):
    """The vector of a message, of length one: two bytes a number, the smaller first. Which model it
    is of stands in the row of its session."""

    pk = models.CompositePrimaryKey("session_id", "seq")
    session = models.ForeignKey(Session, models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    vector = models.BinaryField()

    objects = VectorQuerySet.as_manager()

    class Meta:
        db_table = "holdfast_vector"

    def __str__(self) -> str:
        return f"vector of {self.seq}"


class Removal(models.Model):
    """Vectors of a session that are to go from the `store` that keeps them outside: what was sent
    there under the name `place`, `vectors` of them as far as is known.

    It is written in the transaction that purges the session, and is there until the store has said
    that they are gone. It may be tried from `due_us` on; `attempts` counts who tries.
    """

    number = models.BigAutoField(primary_key=True)
    store = models.CharField(max_length=STORE_NAME)
    model = models.CharField(max_length=255)
    dimensions = models.PositiveIntegerField()
    place = models.CharField(max_length=32)
    vectors = models.BigIntegerField()
    due_us = models.BigIntegerField(db_index=True)
    attempts = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "holdfast_vector_removal"

    def __str__(self) -> str:
        return f"{self.place} in {self.store}"


class EpisodeManager(ScopedManager):
    def of(self, project: int) -> EpisodeQuerySet:
        return EpisodeQuerySet(self.model, using=self._db).filter(project_id=project)


class EpisodeQuerySet(models.QuerySet["Episode"]):
    def shown(self) -> Self:
        """All but erased ones and those of deleted sessions."""
        held = Q(session=None) | ~Q(session__status=Session.DELETED)
        return self.exclude(text="").filter(held)

    def of_end_user(self, row: int) -> Self:
        return self.filter(end_user_id=row)

    def between(self, since: int | None, until: int | None) -> Self:
        """Those whose time overlaps that span."""
        rows = self if since is None else self.filter(ended_us__gte=since)
        return rows if until is None else rows.filter(begun_us__lte=until)

    def saying(self, words: list[str]) -> Self:
        """Those that have every one of these folded words; the last may be a beginning."""
        rows = self
        for word in words[:-1]:
            rows = rows.filter(words__contains=f" {word} ")
        return rows.filter(words__contains=f" {words[-1]}") if words else rows

    def before(self, ended: int, number: int) -> Self:
        """Those behind one in a list that begins with the newest."""
        return self.filter(Q(ended_us__lt=ended) | Q(ended_us=ended, number__lt=number))

    def told(self) -> Self:
        """Each with `user` and `in_session`, the names of whom it is of."""
        return self.annotate(user=F("end_user__key"), in_session=F("session__id"))


class Episode(models.Model):
    """What happened from `begun_us` to `ended_us`, and how it came out.

    One of a session tells its messages first..last; the next begins after it. Its outcome is ENDED
    or IDLE. One without a session was stored by hand. An erasure leaves the row without its text,
    so that it is not told again.
    """

    ENDED, IDLE = "ended", "idle"

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    end_user = models.ForeignKey(
        EndUser, models.CASCADE, related_name="+", null=True, db_index=False
    )
    session = models.ForeignKey(
        Session, models.CASCADE, related_name="+", null=True, db_index=False
    )
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    begun_us = models.BigIntegerField()
    ended_us = models.BigIntegerField()
    outcome = models.CharField(max_length=255, default="")
    text = models.TextField()
    words = models.TextField(default="")
    created_us = models.BigIntegerField()

    objects = EpisodeManager()
    everything: ClassVar[models.Manager[Episode]] = models.Manager.from_queryset(EpisodeQuerySet)()

    class Meta:
        db_table = "holdfast_episode"
        base_manager_name = "everything"
        default_manager_name = "everything"
        constraints = (
            models.UniqueConstraint(fields=("session", "last"), name="holdfast_episode_told"),
        )
        indexes = (
            models.Index(fields=("project", "ended_us", "number"), name="holdfast_episode_listed"),
            models.Index(
                fields=("end_user", "ended_us"),
                condition=Q(end_user__isnull=False),
                name="holdfast_episode_of_user",
            ),
        )

    def __str__(self) -> str:
        return self.text
