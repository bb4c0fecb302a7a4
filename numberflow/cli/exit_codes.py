"""How a command ends, for scripts (README, "What it does today")."""

DONE = 0
CRASH = 1
BAD_INPUT = 2
REFUSED = 3
NEEDS_PERSON = 4
# Stopped by a signal (Ctrl-C, SIGTERM), as shells have it: 128 and the signal's number. The account
# of what was done is printed.
INTERRUPTED = 130
TERMINATED = 143
