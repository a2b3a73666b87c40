"""Try whether services that the settings name can be reached, by the cheapest request that each has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from pylogtap_collector.errors import Unreachable, UrlRefused
from pylogtap_collector.models import TrialResult

if TYPE_CHECKING:
    from pylogtap_collector.outgoing.requests import Fetched, Outgoing
    from pylogtap_collector.services.preferences import Preferences

_PATHS = {"ollama": "/api/version", "openai": "/models", "github": "/rate_limit"}


class Trials:
    """Reaches out as the settings say."""

    def __init__(self, preferences: Preferences, outgoing: Outgoing) -> None:
        """
        Bind what it needs.

        Args:
            preferences: The settings.
            outgoing: Makes requests.
        """
        self._preferences = preferences
        self._outgoing = outgoing

    async def run(self, service: Literal["ai", "github"]) -> TrialResult:
        """
        Try a service, with the token that is stored for it.

        Args:
            service: Which.
        """
        settings = self._preferences.read()
        kind = settings.ai.provider if service == "ai" else "github"
        url = settings.ai.url if service == "ai" else settings.github.url
        if kind == "none" or not url:
            return TrialResult(works=False, detail="Say first which provider, and its address.")
        token = self._preferences.secret(f"{service}.token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._outgoing.fetch("GET", url.rstrip("/") + _PATHS[kind], headers=headers)
        except (Unreachable, UrlRefused) as error:
            return TrialResult(works=False, detail=error.detail)
        return _judge(answer)


def _judge(answer: Fetched) -> TrialResult:
    if answer.status in {401, 403}:
        return TrialResult(works=False, detail=f"It answers {answer.status}: the token is not a good one.")
    if answer.status != 200:
        return TrialResult(works=False, detail=f"It answers {answer.status}; is the address right?")
    try:
        json.loads(answer.body)
    except ValueError:
        return TrialResult(works=False, detail="It answers, but not in JSON; is the address right?")
    return TrialResult(works=True, detail="It answers.")
