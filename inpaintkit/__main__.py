"""``python -m inpaintkit``."""

from inpaintkit.cli import main

main()
