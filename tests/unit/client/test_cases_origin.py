"""Where a run comes from: what CI services say, by the variables that they document."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.origin import SERVICES, ci_facts, git_facts

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CASES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {}),
    ({"CI": "false"}, {}),
    ({"CI": "1"}, {"ci": {"provider": "ci"}}),
    (
        {
            "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r",
            "GITHUB_RUN_ID": "12", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_JOB": "test", "GITHUB_SHA": COMMIT,
            "GITHUB_HEAD_REF": "topic", "GITHUB_REF_NAME": "5/merge", "CI": "true",
        },
        {
            "ci": {"provider": "github", "job": "test", "run": "12", "attempt": "2",
                   "url": "https://github.com/o/r/actions/runs/12"},
            "branch": "topic", "commit": COMMIT,
        },
    ),
    (
        {"GITHUB_ACTIONS": "true", "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"},
        {"ci": {"provider": "github"}},
    ),
    (
        {"GITLAB_CI": "true", "CI_JOB_NAME": "unit", "CI_JOB_URL": "https://g/1", "CI_PIPELINE_ID": "9",
         "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": COMMIT},
        {"ci": {"provider": "gitlab", "job": "unit", "run": "9", "url": "https://g/1"}, "branch": "main",
         "commit": COMMIT},
    ),
    (
        {"TF_BUILD": "True", "BUILD_BUILDID": "3", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/o/",
         "SYSTEM_TEAMPROJECT": "p", "BUILD_SOURCEBRANCH": "refs/heads/main", "SYSTEM_JOBATTEMPT": "1"},
        {"ci": {"provider": "azure", "run": "3", "attempt": "1",
                "url": "https://dev.azure.com/o/p/_build/results?buildId=3"}, "branch": "main"},
    ),
    (
        {"JENKINS_URL": "https://j/", "JOB_NAME": "n", "BUILD_NUMBER": "4", "BUILD_URL": "https://j/4",
         "GIT_BRANCH": "origin/main"},
        {"ci": {"provider": "jenkins", "job": "n", "run": "4", "url": "https://j/4"}, "branch": "main"},
    ),
    ({"BUILDKITE": "true", "BUILDKITE_COMMIT": "HEAD"}, {"ci": {"provider": "buildkite"}}),
    ({"AZURE": "x", "TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/tags/v1"}, {"ci": {"provider": "azure"}}),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "facts"), CASES)
def test_each_service_is_known_by_its_variables(environment: dict[str, str], facts: dict[str, Any]) -> None:
    """Provider, job, run, attempt, address, branch and commit are those of the documented variables."""
    assert ci_facts(environment) == facts


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.provider)
def test_a_service_that_says_nothing_else_is_known(service: Any) -> None:
    """The mark alone is enough; what is missing is left out."""
    assert ci_facts({service.mark: "true"})["ci"]["provider"] == service.provider


def test_git_tells_of_a_merge_and_of_changes(tmp_path: Path) -> None:
    """Commit, time, both parents, branch and dirt are told; files that git does not know are no dirt."""

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=A", "-c", "user.email=a@b.c", *words],
            check=True,
            capture_output=True,
        )

    assert git_facts(str(tmp_path)) == {}
    git("init", "-b", "trunk")
    assert git_facts(str(tmp_path)) == {}
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "one")
    git("checkout", "-b", "side")
    git("commit", "--allow-empty", "-m", "two")
    git("checkout", "trunk")
    git("merge", "--no-ff", "-m", "three", "side")
    (tmp_path / "unknown").write_text("1")
    facts = git_facts(str(tmp_path))
    assert len(facts["parents"]) == 2
    assert facts["branch"] == "trunk"
    assert facts["dirty"] is False
    assert facts["committed"] > 1_600_000_000_000_000_000
    git("checkout", "--detach")
    (tmp_path / "file").write_text("2")
    detached = git_facts(str(tmp_path))
    assert "branch" not in detached
    assert detached["dirty"] is True
    assert detached["commit"] == facts["commit"]
