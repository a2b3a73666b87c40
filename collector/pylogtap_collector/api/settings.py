"""Settings that are changed while the collector runs."""

from __future__ import annotations

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import IfMatch, etag, expected_versions
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import Conflict, StaleVersion, UrlRefused
from pylogtap_collector.models import CollectorSettings, SettingsPatch, Trial, TrialResult
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of

SETTINGS = "/api/v1/settings"
_TAG = {"ETag": "Version of the settings; give it as If-Match when you change them."}

routes = Routes("settings", "Settings that are changed while the collector runs.")


@routes.get(SETTINGS, right=Right.ADMINISTER, headers=_TAG)
async def read_settings(services: Services) -> Answer[CollectorSettings]:
    """
    Return the settings.

    Of secrets it says whether there is one, and nothing else.
    """
    found = services.preferences.read()
    return Answer(found, etag(version_of(found)))


@routes.patch(SETTINGS, right=Right.ADMINISTER, errors=(Conflict, UrlRefused, StaleVersion), headers=_TAG)
async def change_settings(
    services: Services, visitor: Visitor, patch: SettingsPatch, if_match: IfMatch = None
) -> Answer[CollectorSettings]:
    """
    Change settings, by a merge patch (RFC 7396); they take effect at once.

    Secrets are encrypted before they are stored. Addresses have to be among those that the collector may
    call: its setting `outgoing`. What the collector was started with (`fixed`) cannot be changed here.
    """
    expected = expected_versions(if_match)
    changed = await services.preferences.change(patch, visitor, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.post(f"{SETTINGS}/try", right=Right.ADMINISTER, status=200)
async def try_settings(services: Services, trial: Trial) -> TrialResult:
    """
    Try whether a service can be reached as the settings say.

    The collector makes one cheap request, with the stored token.
    """
    return await services.trials.run(trial.service)
