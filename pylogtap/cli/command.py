"""A command whose help ends with examples, each on a line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExampleCommand(click.Command):
    """A click command with examples."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **options: Any) -> None:
        """
        Describe a command.

        Args:
            arguments: Of :class:`click.Command`.
            examples: Command lines that can be copied.
            options: Of :class:`click.Command`.
        """
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples at the end, unwrapped."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class QueryCommand(ExampleCommand):
    """A command whose arguments are a query: its words may begin with a dash, as in `-user.id:42`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put what is no option of ours behind `--`, where click leaves it alone."""
        takes_value = {
            name: not option.is_flag
            for option in self.get_params(ctx)
            if isinstance(option, click.Option)
            for name in option.opts
        }
        options, words, rest = [], [], list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                words += rest
                break
            if word in takes_value:
                options.append(word)
                if takes_value[word] and rest:
                    options.append(rest.pop(0))
            elif word.startswith("--") or (word[:2] in takes_value and word[2:].isdecimal()):
                options.append(word)
            else:
                words.append(word)
        return super().parse_args(ctx, [*options, "--", *words])


class ExampleGroup(ExampleCommand, click.Group):
    """A group of commands with examples."""
