"""Search: what the words of a text are, what a query asks for, and the messages that it finds."""
