"""`python -m evalkit` and the `evalkit` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from evalkit.cli.app import run

    run()


if __name__ == "__main__":
    main()
