"""`pylogtap tests`: test runs, what they say, and what is known of tests."""

from __future__ import annotations

from typing import Any

import click

from pylogtap.cli.command import ExampleGroup
from pylogtap.cli.tests_asking import place_option, rows_option
from pylogtap.cli.tests_cases import case, history
from pylogtap.cli.tests_gate import gate
from pylogtap.cli.tests_import import import_reports
from pylogtap.cli.tests_known import failures, flaky, list_tests, slow
from pylogtap.cli.tests_runs import overview, runs, show, trend


@click.group(
    cls=ExampleGroup,
    invoke_without_command=True,
    short_help="Show test runs, flaky and slow tests; import reports; stop a build.",
    examples=(
        "pylogtap tests",
        "pylogtap tests show latest --prefix shop/checkout",
        "pylogtap tests import report.xml --prefix shop/checkout",
        "pylogtap tests gate --prefix shop/checkout --no-new-failures",
    ),
)
@rows_option
@place_option
@click.pass_context
def tests(context: click.Context, /, form: str, prefix: str | None, **collector: Any) -> None:
    """
    Show the newest test run of each service: how it ended, and what fails that did not before.

    Without a command it is that list; each command shows something more closely.
    """
    if context.invoked_subcommand is None:
        overview(form, prefix, **collector)


for _command in (runs, show, case, history, list_tests, flaky, slow, failures, trend, import_reports, gate):
    tests.add_command(_command)
