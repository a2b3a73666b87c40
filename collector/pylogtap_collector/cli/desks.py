"""Where commands give access: at a collector that runs, or in a folder that none uses."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.sessions import open_api, person_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pylogtap_collector.cli.api_desk import ApiDesk
    from pylogtap_collector.cli.folder_desk import FolderDesk
    from pylogtap_collector.models.base import Model

    Desk = ApiDesk | FolderDesk

_Function = TypeVar("_Function", bound="Callable[..., Any]")
_Model = TypeVar("_Model", bound="Model")


def desk_options(function: _Function) -> _Function:
    """Add `--data`, `--url`, `--key` and `--as`: which folder, or which collector, and who asks it."""
    data = click.option(
        "--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
        help="Work on the database in there; no collector may run on it.",
    )  # fmt: skip
    return data(person_options(function))


@contextmanager
def open_desk(data: Path | None, collector: dict[str, Any], *, adds: bool = False) -> Iterator[Desk]:
    """
    Open what changes users and keys.

    Args:
        data: The folder; None: ask a collector.
        collector: Address, key and who signs in, as they were given.
        adds: Whether a database may be made where there is none.

    Raises:
        WrongUsage: Both were given.
        Failed: It cannot be done.
    """
    if data is None:
        from pylogtap_collector.cli.api_desk import ApiDesk

        with open_api(**collector) as api:
            yield ApiDesk(api)
        return
    if any(value is not None for value in collector.values()):
        raise WrongUsage("give --data, or --url with --key or --as, not both")
    from pylogtap_collector.errors import CollectorError

    try:
        with _in_folder(data, adds=adds) as desk:
            yield desk
    except CollectorError as error:
        remedies: tuple[str, ...] = ()
        if isinstance(error.__cause__, BlockingIOError):  # the lock is held
            remedies = (
                "ask it itself: the same command with --as NAME instead of --data, or a key in PYLOGTAP_KEY",
                "where it listens is said by --url or PYLOGTAP_URL",
            )
        raise Failed(error.detail, remedies=remedies) from error


@contextmanager
def _in_folder(data: Path, *, adds: bool) -> Iterator[FolderDesk]:
    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.cli.folder_desk import FolderDesk
    from pylogtap_collector.cli.listening import read_settings

    settings = read_settings(data=data, memory=False, adopt=False)
    is_new = _is_missing(settings.database)
    if is_new and not adds:
        raise Failed(
            f"there is no database in {data}",
            remedies=("give the folder that the collector prints as `data`",),
        )
    with asyncio.Runner() as runner:
        running = Collector(settings).running()
        services = runner.run(_entered(running))
        try:
            if is_new:
                click.echo(f"made a new database in {data}", err=True)
            yield FolderDesk(runner, services)
        finally:
            runner.run(_left(running))


def _is_missing(file: Path) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # what keeps us from looking keeps the collector from opening it, which says it better
        return False
    return False


async def _entered(running: Any) -> Any:
    return await running.__aenter__()


async def _left(running: Any) -> None:
    await running.__aexit__(None, None, None)


def checked(kind: type[_Model], **values: Any) -> _Model:
    """
    Make what is sent.

    Args:
        kind: Its type.
        values: As they were typed.

    Raises:
        WrongUsage: They cannot be right.
    """
    from pydantic import ValidationError

    from pylogtap_collector.cli.listening import wrong_usage

    try:
        return kind(**values)
    except ValidationError as error:
        raise wrong_usage(error) from error
