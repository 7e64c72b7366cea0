"""Speed and quality runs against the peers: ``python -m inpaintkit.benchmarks.speed`` and ``...quality``."""
