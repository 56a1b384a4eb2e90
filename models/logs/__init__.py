"""The rooms' log, on SQL and on MongoDB."""
