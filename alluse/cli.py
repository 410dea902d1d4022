"""The program `alluse`: what people type. Modules `cli_*` hold the commands by subject; here is what is common to all.

Answers go to standard output (with --json nothing but JSON), everything else to standard error. Exit codes: 0 done,
1 what was checked does not hold, 2 the request is wrong, 3 something needed is not there, 4 the protocol refused.
"""

from __future__ import annotations

import json
import logging
import os
import sys

import typer

from alluse import cli_books, cli_commands, cli_growth, cli_log, cli_play, cli_scenario, cli_system
from alluse.errors import understood
from infra.errors import AllUseError
from infra.logs import configure_logs

app = typer.Typer(
    name="alluse",
    help="ALL-USE: options income from recorded or live prices, event-sourced on Kafka.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
cli_system.register(app)
cli_play.register(app)
cli_books.register(app)
cli_commands.register(app)
cli_log.register(app)
cli_growth.register(app)
cli_scenario.register(app)


# What a wrong command line raises; typer carries click inside and names only the subclass.
UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]  # pyright: ignore[reportAssignmentType]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    style = os.environ.get("ALLUSE_LOG", "text")
    configure_logs("json" if style == "json" else "text", level=logging.WARNING)
    try:
        code = app(given or ["--help"], standalone_mode=False)
        return code if isinstance(code, int) else 0
    except AllUseError as error:
        return _fail(given, error.exit_code, error.code, error.message, error.remedy)
    except UsageError as error:
        context = error.ctx.command_path if error.ctx else "alluse"
        return _fail(given, 2, "USAGE", error.format_message(), f"See {context} --help.")
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the answer has seen enough; nothing more can be written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        known = understood(error)
        if known is None:
            raise  # a bug: its traceback is what helps
        return _fail(given, known.exit_code, known.code, known.message, known.remedy)


def _fail(given: list[str], exit_code: int, code: str, message: str, remedy: str) -> int:
    """One line on standard error; with --json the same as a document on standard output."""
    text = f"{code}: {_sentence(message)} {remedy}"
    print(" ".join(text.split()), file=sys.stderr)
    if "--json" in given:
        print(json.dumps({"error": {"code": code, "message": message, "remedy": remedy, "exit_code": exit_code}}))
    return exit_code


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


if __name__ == "__main__":
    sys.exit(main())
