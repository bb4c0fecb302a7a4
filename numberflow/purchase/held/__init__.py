"""Numbers that the project holds: configure their links, release them, follow both."""
