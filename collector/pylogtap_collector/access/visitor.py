"""Somebody who asks for something, and what he may do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pylogtap_collector.access.rights import OF_NOBODY, OF_SERVER, Right
from pylogtap_collector.errors import MissingRight, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.models import VisitorKind

Projects = frozenset[str] | None  # names of projects; None: all there are, and all there will be


@dataclass(frozen=True, slots=True)
class Visitor:
    """
    Whoever sent a request.

    Attributes:
        kind: How he has shown who he is.
        name: Of the user or key.
        id: Of the user or key.
        session: Of the session that he came with.
        address: Where the request came from.
        everywhere: His rights in all projects, and those that are about none.
        projects: His rights in single projects.
    """

    kind: VisitorKind = "nobody"
    name: str = ""
    id: int | None = None
    session: int | None = None
    address: str = ""
    everywhere: frozenset[Right] = OF_NOBODY
    projects: Mapping[str, frozenset[Right]] = field(default_factory=dict)

    def at(self, address: str) -> Visitor:
        """Return the same, at an address."""
        return replace(self, address=address)

    def may(self, right: Right, project: str | None = None) -> bool:
        """
        Tell whether he may do something.

        Args:
            right: What.
            project: In which project; None: in all of them.
        """
        if right is Right.OPEN or right in self.everywhere:
            return True
        if right is Right.KNOWN:
            return self.kind != "nobody"
        return project is not None and right in self.projects.get(project, OF_NOBODY)

    def may_somewhere(self, right: Right) -> bool:
        """Tell whether he may do something in any project."""
        return self.may(right) or any(right in rights for rights in self.projects.values())

    def where(self, right: Right) -> Projects:
        """Return the projects in which he may do something."""
        if right in self.everywhere:
            return None
        return frozenset(project for project, rights in self.projects.items() if right in rights)

    def demand(self, right: Right, project: str | None = None) -> None:
        """
        Make sure that he may do something.

        Args:
            right: What.
            project: In which project; None: in all of them.

        Raises:
            NotFound: He may not even know that there is such a project.
            MissingRight: He may not do it.
        """
        if self.may(right, project):
            return
        if project is not None and not (self.everywhere or self.projects.get(project)):
            raise NotFound(f"There is no project {project}.")
        raise self.refusal(right, project)

    def refusal(self, right: Right, project: str | None = None) -> MissingRight:
        """
        Return the error that says what he may not do.

        Args:
            right: What.
            project: In which project.
        """
        place = "" if project is None else f" in {project}"
        who = f"the {self.kind.replace('_', ' ')} {self.name}".strip()
        return MissingRight(
            f"This needs the right to {right}{place}, which {who} does not have; "
            "whoever manages the project, or administers the collector, can give it."
        )


NOBODY = Visitor()


def local(address: str = "") -> Visitor:
    """
    Return somebody on this machine, where nobody has to show who he is.

    Args:
        address: Where the request came from.
    """
    return Visitor("local", "local", address=address, everywhere=OF_SERVER)
