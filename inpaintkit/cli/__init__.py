"""The command ``inpaintkit``: what ``inpaintkit.inpaint`` and its kin do, from the shell."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings

import click

from inpaintkit import __version__
from inpaintkit.cli.options import MAX_COLUMNS

_FAILED = 2
_INTERRUPTED = 130
_MODULES = {  # command -> its module here, which is loaded when it is needed and holds the command under its own name
    "fill": "fill",
    "overlay": "overlay",
    "mask": "masks",
    "methods": "methods",
    "compare": "compare",
    "demo": "demo",
    "ui": "ui",
    "bench": "bench",
    "weights": "weights",
    "cache": "cache",
}


class _Commands(click.Group):
    """The commands in the order above; each one's module imports what it works with only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"inpaintkit.cli.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": MAX_COLUMNS})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Repair the masked part of a picture without a trained model.

    'inpaintkit COMMAND --help' explains a command.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error is one line on stderr and exit status 2."""
    words = set(sys.argv[1:] if arguments is None else arguments)
    verbose, quiet = bool(words & {"-v", "--verbose"}), bool(words & {"-q", "--quiet"})
    logging.basicConfig(format="inpaintkit: %(message)s", level=logging.ERROR if quiet else logging.WARNING, force=True)
    warnings.showwarning = lambda message, *_, **__: click.echo(f"inpaintkit: warning: {message}", err=True)
    try:
        status = commands.main(arguments, prog_name="inpaintkit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        status = _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("inpaintkit: interrupted", err=True)
        status = _INTERRUPTED
    except (ValueError, TypeError, OSError, ImportError) as error:
        status = _fail(str(error) or type(error).__name__)
    except Exception as error:
        if verbose:
            raise
        status = _fail(str(error) or type(error).__name__)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> int:
    click.echo(f"inpaintkit: {' '.join(message.split())}", err=True)
    return _FAILED
