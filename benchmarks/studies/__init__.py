"""Studies: scripts that answer one question about the toolkit, each for itself."""
