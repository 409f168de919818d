"""`python -m metainr` is the command `metainr`."""

from metainr.console import main

if __name__ == "__main__":
    main()
