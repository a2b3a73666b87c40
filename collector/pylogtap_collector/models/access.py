"""Types of who may do what: users, members, keys, sessions, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from pylogtap_collector.models.base import Model, Moment, Name, Readable, left_out

Role = Literal["viewer", "editor", "admin"]
KeyRole = Literal["ingest", "read", "admin"]
VisitorKind = Literal["nobody", "local", "user", "key", "server_key", "collector"]
UserName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$"),
    Field(description="What somebody signs in with; case does not count.", examples=["ada"]),
]
# NIST SP 800-63B: long ones are welcome, and no rules about which characters they have to hold.
Password = Annotated[
    Readable,
    StringConstraints(min_length=10, max_length=200),
    Field(description="10 characters or more.", examples=["correct horse battery"]),
]
KeyName = Annotated[
    Readable,
    StringConstraints(min_length=1, max_length=100),
    Field(description="What it is for.", examples=["web servers"]),
]
RoleIn = Annotated[
    Role,
    Field(description="`viewer` reads, `editor` adds and annotates, `admin` deletes and gives access."),
]


class UserIn(Model):
    """A user to create."""

    name: UserName
    password: Password
    admin: bool = Field(False, description="Whether he administers the whole collector.")


class UserPatch(Model):
    """What may change of a user. Leave out what stays."""

    name: UserName = Field("", json_schema_extra=left_out)
    admin: bool = Field(
        False, description="Whether he administers the whole collector.", json_schema_extra=left_out
    )
    disabled: bool = Field(
        False,
        description="`true`: he cannot sign in, and his sessions end at once.",
        json_schema_extra=left_out,
    )


class PasswordChange(Model):
    """A new password."""

    new: Password
    current: Readable | None = Field(
        None,
        max_length=200,
        description="The password so far; administrators leave it out for other users.",
        examples=["correct horse battery"],
    )


class Membership(Model):
    """A user's role in a project."""

    project: str = Field(description="The project.")
    role: Role = Field(description="What he may do there.")


class User(Model):
    """Somebody who can sign in."""

    id: int = Field(description="Stable, and never given twice.")
    name: str = Field(description="What he signs in with.")
    admin: bool = Field(description="Whether he administers the whole collector.")
    disabled: bool = Field(description="Whether he is kept from signing in.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    last_sign_in: datetime | None = Field(description="When, RFC 3339, UTC; null: never.")
    projects: list[Membership] = Field(description="Where he is a member, by name.")


class UserPage(Model):
    """Some users, and where to go on."""

    items: list[User] = Field(description="Users.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class MemberIn(Model):
    """A member to add to a project."""

    user: UserName
    role: RoleIn


class MemberPatch(Model):
    """What may change of a member."""

    role: RoleIn


class Member(Model):
    """A user who has a role in a project."""

    project: str = Field(description="The project.")
    user: str = Field(description="Name of the user.")
    role: Role = Field(description="What he may do there.")
    since: datetime = Field(description="When it was given, RFC 3339, UTC.")


class MemberPage(Model):
    """Some members, and where to go on."""

    items: list[Member] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class KeyIn(Model):
    """A key to make."""

    name: KeyName
    project: Name | None = Field(
        description="The one project it is good for; null: all, which takes an administrator.",
        examples=["shop"],
    )
    role: KeyRole = Field(
        "ingest",
        description="`ingest` only delivers, `read` only reads, `admin` may do everything in its project.",
    )
    expires: Moment | None = Field(
        None, description="When it ends, RFC 3339; null: never.", examples=["2030-01-01T00:00:00Z"]
    )


class KeyPatch(Model):
    """What may change of a key. Leave out what stays."""

    name: KeyName = Field("", json_schema_extra=left_out)
    expires: Moment | None = Field(
        None, description="When it ends, RFC 3339; null: never.", json_schema_extra=left_out
    )
    revoked: Literal[True] = Field(
        True, description="`true` ends it at once and for good.", json_schema_extra=left_out
    )


class Key(Model):
    """A key, without its secret."""

    id: int = Field(description="Stable, and never given twice.")
    name: str = Field(description="What it is for.")
    prefix: str = Field(description="How it begins, to tell it from others.", examples=["plt_k3m9x2vq7d"])
    project: str | None = Field(description="The one project it is good for; null: all.")
    role: KeyRole = Field(description="What it may do.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    created_by: str = Field(description="Name of who made it.")
    expires: datetime | None = Field(description="When it ends, RFC 3339, UTC; null: never.")
    revoked: datetime | None = Field(description="When it was revoked; null: it was not.")
    last_used: datetime | None = Field(description="Within a minute.")


class NewKey(Key):
    """A key that was just made."""

    secret: str = Field(
        description="The key itself. It is shown this once; the collector keeps a check sum alone."
    )


class KeyPage(Model):
    """Some keys, and where to go on."""

    items: list[Key] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class SignIn(Model):
    """Who wants to come in."""

    name: Readable = Field(
        min_length=1, max_length=100, examples=["ada"], description="Of the user; case does not count."
    )
    password: Readable = Field(
        min_length=1, max_length=200, examples=["correct horse battery"], description="His."
    )


class SetUp(Model):
    """The first account."""

    code: Readable = Field(
        min_length=1,
        max_length=40,
        description="The one-time code that the collector printed when it started.",
        examples=["K7QM-2F9X-WD4P"],
    )
    name: UserName
    password: Password


class Session(Model):
    """A browser in which somebody is signed in."""

    id: int = Field(description="Its number.")
    user: str = Field(description="Whose it is.")
    created: datetime = Field(description="When it was opened, RFC 3339, UTC.")
    last_seen: datetime = Field(description="Within a minute.")
    expires: datetime = Field(description="When it ends, RFC 3339, UTC.")
    address: str = Field(description="Where it was opened from.")
    agent: str = Field(description="The program, as it calls itself.")
    current: bool = Field(description="Whether it is the one that asks.")


class SessionPage(Model):
    """Some sessions, and where to go on."""

    items: list[Session] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class Ended(Model):
    """How many sessions were ended."""

    ended: int = Field(description="How many sessions.")


class Me(Model):
    """Who asks, as the collector sees it."""

    kind: VisitorKind = Field(
        description="`nobody` has shown neither key nor session; `local` is this machine, as long as "
        "there are neither accounts nor keys."
    )
    id: int | None = Field(description="Of the user or key.")
    name: str = Field(description="Of the user or key.")
    admin: bool = Field(description="Whether the whole collector may be administered.")
    everywhere: list[str] = Field(description="Rights in all projects.")
    projects: dict[str, list[str]] = Field(description="Rights in single projects, by its name.")
    accounts: bool = Field(description="Whether the collector has any account; without one, set it up.")
    read_only: bool = Field(description="Whether the collector only shows a file.")


class AuditEntry(Model):
    """Something that was done, and by whom."""

    id: int = Field(description="Its number; grows.")
    time: datetime = Field(description="When, RFC 3339, UTC.")
    actor_kind: VisitorKind = Field(description="How he had shown who he is.")
    actor: str = Field(description="Name of the user or key.")
    address: str = Field(description="Where the request came from.")
    action: str = Field(examples=["key.create"], description="What was done: a noun and a verb.")
    project: str | None = Field(description="In which project; null: in none.")
    target: str = Field(description="What it was done to.")
    detail: dict[str, Any] = Field(description="More, by action. Never a secret.")


class AuditPage(Model):
    """Some entries of the audit log, the newest first, and where to go on."""

    items: list[AuditEntry] = Field(description="Entries, the newest first.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")
