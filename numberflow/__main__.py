"""`python -m numberflow`: the command `numberflow` where no scripts are on the path."""

from numberflow.cli import main

if __name__ == "__main__":
    main()
