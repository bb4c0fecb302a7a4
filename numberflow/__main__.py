"""`python -m numberflow`: the same as the `numberflow` command, for interpreters without scripts on the path."""

from numberflow.cli import main

if __name__ == "__main__":
    main()
