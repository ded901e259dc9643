"""`python -m nearlinear`: the command line, wherever the `nearlinear` script is not on the path."""

from nearlinear.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
