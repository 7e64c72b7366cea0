"""``python -m inpaintkit``."""

from inpaintkit.cli import main

if __name__ == "__main__":
    main()
