"""The refusals, by the noun that they are about."""
