"""How a command ends, for scripts (README, "What it does")."""

DONE = 0
CRASH = 1
BAD_INPUT = 2
REFUSED = 3
NEEDS_PERSON = 4
# Stopped by a signal (Ctrl-C, SIGTERM), as in shells: 128 plus the signal's number. What was done
# is printed.
INTERRUPTED = 130
TERMINATED = 143
