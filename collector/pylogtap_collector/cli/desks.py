"""Where commands give access: at a collector that runs, or in a folder that none uses."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import collector_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pylogtap_collector.cli.api_desk import ApiDesk
    from pylogtap_collector.cli.folder_desk import FolderDesk
    from pylogtap_collector.models.base import Model

    Desk = ApiDesk | FolderDesk

_Function = TypeVar("_Function", bound="Callable[..., Any]")
_Model = TypeVar("_Model", bound="Model")


def desk_options(function: _Function) -> _Function:
    """Add `--data`, `--url` and `--key`: which collector, or which folder."""
    data = click.option(
        "--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
        help="Work on the database in there, made when it is missing; no collector may run on it.",
    )  # fmt: skip
    return data(collector_options(function))


@contextmanager
def open_desk(data: Path | None, collector: dict[str, Any]) -> Iterator[Desk]:
    """
    Open what changes users and keys.

    Args:
        data: The folder; None: ask a collector.
        collector: Address and key, as they were given.

    Raises:
        WrongUsage: Both were given.
        Failed: It cannot be done.
    """
    if data is None:
        from pylogtap.cli.api import Api
        from pylogtap.settings import load
        from pylogtap_collector.cli.api_desk import ApiDesk

        settings = load(**collector)
        yield ApiDesk(Api(settings.url, settings.key))
        return
    if collector["url"] is not None or collector["key"] is not None:
        raise WrongUsage("give --data, or --url and --key, not both")
    from pylogtap_collector.errors import CollectorError

    try:
        with _in_folder(data) as desk:
            yield desk
    except CollectorError as error:
        remedies: tuple[str, ...] = ()
        if isinstance(error.__cause__, BlockingIOError):  # the lock is held
            remedies = (
                "ask it itself: the same command with --url instead of --data, and a key in PYLOGTAP_KEY",
                "the first account:  pylogtap user add NAME --code CODE  with the code that it printed",
            )
        raise Failed(error.detail, remedies=remedies) from error


@contextmanager
def _in_folder(data: Path) -> Iterator[FolderDesk]:
    from pylogtap_collector.app import Collector
    from pylogtap_collector.cli.folder_desk import FolderDesk
    from pylogtap_collector.cli.listening import read_settings

    settings = read_settings(data=data, memory=False, adopt=False)
    with asyncio.Runner() as runner:
        running = Collector(settings).running()
        services = runner.run(_entered(running))
        try:
            yield FolderDesk(runner, services)
        finally:
            runner.run(_left(running))


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
