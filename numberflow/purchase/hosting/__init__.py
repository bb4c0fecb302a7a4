"""Numbers that live elsewhere: import them, qualify them, text-enable them, follow their orders."""
