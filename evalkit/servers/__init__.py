"""How a local server is started. One file an engine."""
