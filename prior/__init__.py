"""Methods that use a network as the prior: torch, one file each (``pip install "inpaintkit[prior]"``)."""

if __name__ != "inpaintkit.prior":
    raise ImportError(f"imported as {__name__!r}: write `import inpaintkit.prior`")
