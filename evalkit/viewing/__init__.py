"""The stored runs in a browser: a web server on loopback that only reads, and only for who has its address."""

from __future__ import annotations

from evalkit.viewing._server import look, serve

__all__ = ["look", "serve"]
