"""
Where a run comes from: the CI service that runs it, and the revision of the working tree.

The names of variables are those that the services document, see `docs/reference/pytest-plugin.md`.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap.cases.facts import RunFacts

_GIT_TIMEOUT_S = 10.0
_MAX_VALUE = 2_000  # characters
_BRANCH_HEADS = ("refs/heads/", "origin/")


class Service(NamedTuple):
    """
    A CI service: in each list of variables, the first that is set counts.

    Attributes:
        mark: The variable by which the service is known.
        url: A template, filled from the environment.
    """

    provider: str
    mark: str
    job: tuple[str, ...]
    url: str
    run: tuple[str, ...]
    attempt: tuple[str, ...]
    branch: tuple[str, ...]
    commit: str


SERVICES = (
    Service(
        "github", "GITHUB_ACTIONS", ("GITHUB_JOB",),
        "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        ("GITHUB_RUN_ID",), ("GITHUB_RUN_ATTEMPT",), ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"), "GITHUB_SHA",
    ),
    Service(
        "gitlab", "GITLAB_CI", ("CI_JOB_NAME",), "{CI_JOB_URL}", ("CI_PIPELINE_ID",), (),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH"), "CI_COMMIT_SHA",
    ),
    Service(
        "circleci", "CIRCLECI", ("CIRCLE_JOB",), "{CIRCLE_BUILD_URL}", ("CIRCLE_BUILD_NUM",), (),
        ("CIRCLE_BRANCH",), "CIRCLE_SHA1",
    ),
    Service(
        "azure", "TF_BUILD", ("SYSTEM_JOBDISPLAYNAME", "AGENT_JOBNAME"),
        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        ("BUILD_BUILDID",), ("SYSTEM_JOBATTEMPT",),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"), "BUILD_SOURCEVERSION",
    ),
    Service(
        "buildkite", "BUILDKITE", ("BUILDKITE_LABEL", "BUILDKITE_STEP_KEY"), "{BUILDKITE_BUILD_URL}",
        ("BUILDKITE_BUILD_NUMBER",), ("BUILDKITE_RETRY_COUNT",), ("BUILDKITE_BRANCH",), "BUILDKITE_COMMIT",
    ),
    Service(
        "travis", "TRAVIS", ("TRAVIS_JOB_NAME", "TRAVIS_JOB_NUMBER"), "{TRAVIS_JOB_WEB_URL}",
        ("TRAVIS_BUILD_NUMBER",), (), ("TRAVIS_PULL_REQUEST_BRANCH", "TRAVIS_BRANCH"), "TRAVIS_COMMIT",
    ),
    Service(
        "bitbucket", "BITBUCKET_BUILD_NUMBER", ("BITBUCKET_STEP_UUID",),
        "https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
        ("BITBUCKET_BUILD_NUMBER",), (), ("BITBUCKET_BRANCH",), "BITBUCKET_COMMIT",
    ),
    Service(
        "jenkins", "JENKINS_URL", ("JOB_NAME",), "{BUILD_URL}", ("BUILD_NUMBER",), (),
        ("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"), "GIT_COMMIT",
    ),
)  # fmt: skip


def ci_facts(environment: Mapping[str, str]) -> RunFacts:
    """
    Return what a CI service says of the run: `ci`, and `branch` and `commit` where it knows them.

    Args:
        environment: The environment variables.
    """
    for service in SERVICES:
        if environment.get(service.mark, "").strip().lower() not in {"", "false", "0"}:
            return _of_service(service, environment)
    if environment.get("CI", "").strip().lower() not in {"", "false", "0"}:
        return {"ci": {"provider": "ci"}}
    return {}


def _of_service(service: Service, environment: Mapping[str, str]) -> RunFacts:
    ci = {"provider": service.provider}
    for name, variables in (("job", service.job), ("run", service.run), ("attempt", service.attempt)):
        if value := _first(environment, variables):
            ci[name] = value
    with suppress(KeyError):  # a variable that it needs is not set
        ci["url"] = service.url.format_map(environment)[:_MAX_VALUE]
    facts: RunFacts = {"ci": ci}
    is_tag = environment.get("GITHUB_REF_TYPE") == "tag" and service.provider == "github"
    if not is_tag and (branch := _branch(_first(environment, service.branch))):
        facts["branch"] = branch
    commit = environment.get(service.commit, "").lower()
    if _is_revision(commit):
        facts["commit"] = commit
    return facts


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environment.get(name, ""))), "")[:_MAX_VALUE]


def _branch(text: str) -> str:
    for head in _BRANCH_HEADS:
        text = text.removeprefix(head)
    return "" if text.startswith("refs/") else text


def _is_revision(text: str) -> bool:
    return len(text) in range(7, 65) and not set(text) - set("0123456789abcdef")


def git_facts(root: str) -> RunFacts:
    """
    Ask git for `commit`, `committed`, `parents`, `branch` and `dirty`; files unknown to git do not count.

    Args:
        root: A folder of the working tree.

    Returns:
        What it says; nothing where there is no git, no repository or no commit.
    """
    shown = _git(root, "show", "-s", "--no-show-signature", "--format=%H%n%P%n%ct", "HEAD")
    if len(lines := shown.splitlines()) < 3 or not _is_revision(lines[0]):
        return {}
    facts: RunFacts = {"commit": lines[0], "parents": lines[1].split()[:16]}
    if lines[2].isdecimal():
        facts["committed"] = int(lines[2]) * 1_000_000_000
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status:
        facts["dirty"] = any(not line.startswith("#") for line in status.splitlines())
    for line in status.splitlines():
        if line.startswith("# branch.head ") and not line.endswith("(detached)"):
            facts["branch"] = line.removeprefix("# branch.head ")[:_MAX_VALUE]
    return facts


def revision_of(root: str, name: str) -> str:
    """
    Ask git which commit a name means, such as `HEAD~1`, a branch or a tag.

    Args:
        root: A folder of the working tree.
        name: That.

    Returns:
        40 or 64 hex digits; nothing where git does not know it, or there is no git.
    """
    said = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    return said if _is_revision(said) else ""


def _git(root: str, *words: str) -> str:
    """Return what git prints; nothing where that fails, whatever the reason."""
    try:
        answer = subprocess.run(  # noqa: S603 - our own words
            ["git", "-C", root, *words],  # noqa: S607 - the git that the user has
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace")
