"""Signing in and out, users, and who asks."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.cookies import no_cookie, session_cookie
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    Limit,
    NamePart,
    Number,
    etag,
    expected_versions,
)
from pylogtap_collector.api.requests import PEER
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import (
    Conflict,
    InvalidCursor,
    MissingRight,
    NotFound,
    Overloaded,
    StaleVersion,
    TooManyAttempts,
    WrongPassword,
)
from pylogtap_collector.models import (
    Ended,
    Me,
    PasswordChange,
    Session,
    SessionPage,
    SetUp,
    SignIn,
    User,
    UserIn,
    UserPage,
    UserPatch,
)
from pylogtap_collector.services import Services
from pylogtap_collector.services.sessions import Opened
from pylogtap_collector.services.versions import version_of

SESSIONS = "/api/v1/sessions"
USERS = "/api/v1/users"
_TAG = {"ETag": "Version of the user; give it as If-Match when you change or delete him."}
_OPENED = {
    "Set-Cookie": "The session: HttpOnly, SameSite=Strict, and Secure over TLS.",
    "Location": "Address of the session.",
}
UserId = Annotated[int, Number, Field(description="The user's `id`.")]
Whose = Annotated[int | None, Field(ge=1, lt=2**53, description="`id` of a user; left out: whoever asks.")]

routes = Routes("people", "Signing in and out, users, and who asks.")


@routes.get("/api/v1/me", right=Right.OPEN)
async def read_me(services: Services, visitor: Visitor) -> Me:
    """Tell who asks, as the collector sees it."""
    return services.directory.describe(visitor)


@routes.post(
    "/api/v1/setup",
    right=Right.OPEN,
    status=201,
    errors=(WrongPassword, Conflict, TooManyAttempts),
    headers=_OPENED,
)
async def set_up(services: Services, visitor: Visitor, request: web.Request, given: SetUp) -> Answer[Session]:
    """
    Make the first account, and sign in.

    It takes the one-time code that the collector prints when it starts, as long as there is no account.
    The account administers the whole collector. From then on everybody has to sign in or show a key.
    """
    return _opened(await services.sessions.set_up(given, visitor, _agent(request)), request)


@routes.post(SESSIONS, right=Right.OPEN, status=201, errors=(WrongPassword, TooManyAttempts), headers=_OPENED)
async def sign_in(
    services: Services, visitor: Visitor, request: web.Request, given: SignIn
) -> Answer[Session]:
    """
    Sign in.

    The session lasts 30 days, or 7 without use. After 5 attempts that fail one has to wait.
    """
    return _opened(await services.sessions.open(given, visitor, _agent(request)), request)


@routes.get(SESSIONS, right=Right.KNOWN, errors=(MissingRight, InvalidCursor))
async def list_sessions(
    services: Services, visitor: Visitor, user: Whose = None, limit: Limit = 100, cursor: Cursor = None
) -> SessionPage:
    """List where one is signed in; administrators may ask for others."""
    return services.sessions.page(visitor, user=user, limit=limit, cursor=cursor)


@routes.delete(SESSIONS, right=Right.KNOWN, status=200, errors=(MissingRight, NotFound))
async def sign_out_everywhere(services: Services, visitor: Visitor, user: Whose = None) -> Ended:
    """
    End all sessions of whoever asks; administrators may end those of others.

    Live tails that they opened show nothing more, and end within 15 seconds.
    """
    return await services.sessions.close_all(visitor, user=user)


@routes.delete(
    f"{SESSIONS}/current",
    right=Right.KNOWN,
    errors=(NotFound,),
    headers={"Set-Cookie": "Forgets the session."},
)
async def sign_out(services: Services, visitor: Visitor, request: web.Request) -> web.Response:
    """Sign out here."""
    await services.sessions.close_current(visitor)
    return web.Response(
        status=204, headers={"Set-Cookie": no_cookie(request[PEER]), "Cache-Control": "no-store"}
    )


@routes.delete(f"{SESSIONS}/{{session_id}}", right=Right.KNOWN, errors=(NotFound,))
async def end_session(
    services: Services,
    visitor: Visitor,
    session_id: Annotated[int, Number, Field(description="The session's `id`.")],
) -> None:
    """End one session."""
    await services.sessions.close(session_id, visitor)


@routes.get(USERS, right=Right.ADMINISTER, errors=(InvalidCursor,))
async def list_users(
    services: Services, name: NamePart = None, limit: Limit = 100, cursor: Cursor = None
) -> UserPage:
    """List users in the order in which they were made."""
    return services.users.page(name=name, limit=limit, cursor=cursor)


@routes.post(
    USERS,
    right=Right.ADMINISTER,
    status=201,
    errors=(Conflict, Overloaded),
    headers={**_TAG, "Location": "Address of the user."},
)
async def create_user(services: Services, visitor: Visitor, new: UserIn) -> Answer[User]:
    """
    Make a user.

    He can see nothing before he is made a member of a project, or administers. The very first one is made
    by `POST /api/v1/setup`.
    """
    made = await services.users.create(new, visitor)
    return Answer(made, etag(version_of(made)) | {"Location": f"{USERS}/{made.id}"})


@routes.get(f"{USERS}/{{user_id}}", right=Right.KNOWN, errors=(NotFound,), headers=_TAG)
async def read_user(services: Services, visitor: Visitor, user_id: UserId) -> Answer[User]:
    """Return a user; who does not administer finds himself alone."""
    found = services.users.one(user_id, visitor)
    return Answer(found, etag(version_of(found)))


@routes.patch(
    f"{USERS}/{{user_id}}",
    right=Right.ADMINISTER,
    errors=(NotFound, Conflict, StaleVersion),
    headers=_TAG,
)
async def change_user(
    services: Services, visitor: Visitor, user_id: UserId, patch: UserPatch, if_match: IfMatch = None
) -> Answer[User]:
    """
    Change a user, by a merge patch (RFC 7396).

    One who is disabled is signed out everywhere. The last administrator who can sign in stays one.
    """
    expected = expected_versions(if_match)
    changed = await services.users.change(user_id, patch, visitor, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.delete(f"{USERS}/{{user_id}}", right=Right.ADMINISTER, errors=(NotFound, Conflict, StaleVersion))
async def delete_user(
    services: Services, visitor: Visitor, user_id: UserId, if_match: IfMatch = None
) -> None:
    """
    Delete a user with his roles, sessions and private searches.

    Keys that he made stay, and so do searches that he shared and what the audit log says of him.
    """
    await services.users.delete(user_id, visitor, expected=expected_versions(if_match))


@routes.post(
    f"{USERS}/{{user_id}}/password",
    right=Right.KNOWN,
    errors=(NotFound, WrongPassword, TooManyAttempts, Overloaded),
)
async def change_password(
    services: Services, visitor: Visitor, user_id: UserId, change: PasswordChange
) -> None:
    """
    Change a password, and end all other sessions of the user.

    One's own takes the current one; administrators change those of others without.
    """
    await services.users.change_password(user_id, change, visitor)


def _agent(request: web.Request) -> str:
    """Return what the program calls itself; bytes that are no UTF-8 are shown as question marks."""
    return request.headers.get("User-Agent", "").encode(errors="replace").decode()


def _opened(opened: Opened, request: web.Request) -> Answer[Session]:
    headers = {
        "Set-Cookie": session_cookie(opened.token, request[PEER]),
        "Location": f"{SESSIONS}/{opened.session.id}",
    }
    return Answer(opened.session, headers)
