"""The accounts of people, where they are ours to give. The only door to their rows.

A site of its own has its own ways to give accounts, and perhaps groups that mean more than our
pages: there nothing is written. Imports need the auth app; see `access.gives_members`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import FieldError, ValidationError
from django.db import IntegrityError, router, transaction
from django.db.models import Q, QuerySet

from sessions_app.core import instants, strict
from sessions_app.core.errors import InvalidField, NotFound

from . import access

LONGEST_PASSWORD = 1_000


class Member(NamedTuple):
    """Somebody with an account: their role (None: no member), and where that comes from."""

    number: int
    name: str
    role: str | None
    by: str
    active: bool
    seen_us: int | None

    def as_json(self) -> dict[str, Any]:
        """The member as the twin tells of them; never anything of a password."""
        return {
            "id": self.number,
            "name": self.name,
            "role": self.role,
            "by": self.by,
            "active": self.active,
            "last_login": None if self.seen_us is None else instants.render(self.seen_us),
        }


# -- reading ----------------------------------------------------------------------------------


def listed(after: str, limit: int) -> list[Member]:
    """Accounts behind a name, in the order of their names: all of ours, of a site those that may
    see the pages."""
    rows = _rows() if access.gives_members() else _who_may(_rows())
    name = get_user_model().USERNAME_FIELD
    found = rows.filter(**{f"{name}__gt": after}).order_by(name)
    return [_member(user) for user in found[:limit]]


def one(number: int) -> Member:
    """One of ours. Raises NotFound."""
    return _member(_user(number))


def _rows() -> QuerySet[Any]:
    rows = get_user_model()._default_manager.all()
    return rows.prefetch_related("groups") if hasattr(get_user_model(), "groups") else rows


def _who_may(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those whom `access.role_of` gives a role; a user model may be without some of the fields."""
    by_group = access.roles_by_group()
    asks = [Q(is_superuser=True)]
    asks.append(Q(is_staff=True) if by_group is None else Q(groups__name__in=list(by_group)))
    wanted = Q(pk__in=[])
    for ask in asks:
        try:
            rows.filter(ask)
        except FieldError:
            continue
        wanted |= ask
    return rows.filter(wanted).distinct()


def _member(user: Any) -> Member:
    groups = [group.name for group in user.groups.all()] if hasattr(user, "groups") else []
    role = access.role_by(user, groups)
    return Member(
        user.pk,
        str(user.get_username()),
        role,
        _by(user, groups, role),
        bool(user.is_active),
        _us(getattr(user, "last_login", None)),
    )


def _us(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1_000_000)


def _by(user: Any, groups: Iterable[str], role: str | None) -> str:
    """What gives the role, in words."""
    if getattr(user, "is_superuser", False):
        return "superuser"
    named = access.roles_by_group() or {}
    giving = [group for group in groups if role and named.get(group) == role]
    if giving:
        return f"group {giving[0]}"
    return "staff" if role else ""


# -- writing ----------------------------------------------------------------------------------


def add(name: str, password: str, role: str) -> Member:
    """A new account with a role. Raises InvalidField for the name, the password or the role."""
    group = _group(role)
    strict.check(name, "name")
    user = User(username=User.normalize_username(name))
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise InvalidField(_said(error), param="name") from None
    _check(password, user)
    user.set_password(password)
    try:
        with transaction.atomic(using=_database()):
            user.save(force_insert=True)
            user.groups.add(group)
    except IntegrityError:
        raise InvalidField("A user with that username already exists.", param="name") from None
    return one(user.pk)


def give(number: int, role: str) -> Member:
    """Gives a member this role in the place of any other. Raises NotFound, InvalidField."""
    group = _group(role)
    with transaction.atomic(using=_database()):
        user = _held(number)
        user.groups.remove(*_groups())
        user.groups.add(group)
        User.objects.filter(pk=number).update(is_superuser=False)
        _keep_one("role")
    return one(number)


def set_active(number: int, *, active: bool) -> Member:
    """Lets somebody in again, or no longer. Raises NotFound, InvalidField."""
    with transaction.atomic(using=_database()):
        _held(number)
        User.objects.filter(pk=number).update(is_active=active)
        _keep_one("active")
    return one(number)


def set_password(number: int, password: str) -> Member:
    """Gives another password, which ends the member's logins. Raises NotFound, InvalidField."""
    user = _user(number)
    _check(password, user)
    user.set_password(password)
    User.objects.filter(pk=number).update(password=user.password)
    return one(number)


def _held(number: int) -> User:
    """The account, while no other change of roles is under way: each takes the row of a group
    first, or two administrators could each take the other's right and leave none."""
    name = _named_group(access.ADMIN)
    Group.objects.get_or_create(name=name)
    Group.objects.filter(name=name).update(name=name)
    return _user(number)


def _keep_one(field: str) -> None:
    """Raises InvalidField, and so undoes the change, where nobody could administer any more."""
    admins = [name for name, role in _mapping().items() if role == access.ADMIN]
    left = User.objects.filter(is_active=True)
    if not left.filter(Q(is_superuser=True) | Q(groups__name__in=admins)).exists():
        raise InvalidField("This is the last administrator. Make another one first.", param=field)


def _user(number: int) -> User:
    found = User.objects.prefetch_related("groups").filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such member.")
    return found


def _check(password: str, user: User) -> None:
    try:
        strict.check(password, "password")
        if len(password) > LONGEST_PASSWORD:
            raise InvalidField(
                f"A password has at most {LONGEST_PASSWORD} characters.", param="password"
            )
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidField(_said(error), param="password") from None


def _said(error: ValidationError) -> str:
    return " ".join(error.messages)


def _mapping() -> Mapping[str, str]:
    return access.roles_by_group() or {}


def _named_group(role: str) -> str:
    """The group that gives a role. Raises InvalidField for one that none gives."""
    named = next((name for name, given in _mapping().items() if given == role), None)
    if named is None:
        raise InvalidField(f"Choose one of: {', '.join(access.ROLES)}.", param="role")
    return named


def _group(role: str) -> Group:
    """The same, made when it is first needed."""
    return Group.objects.get_or_create(name=_named_group(role))[0]


def _groups() -> Sequence[Group]:
    return list(Group.objects.filter(name__in=list(_mapping())))


def _database() -> str:
    return router.db_for_write(User)
