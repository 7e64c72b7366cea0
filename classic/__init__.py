"""Methods that need no training and no torch: numba and numpy, one file each."""

if __name__ != "inpaintkit.classic":
    raise ImportError(
        f"imported as {__name__!r}: write `import inpaintkit.classic`. A second copy under another name would make "
        "numba store compiled kernels that crash when they are loaded again"
    )
