"""Rooms as one process delivers them, and who is online. Knows neither SockJS nor the engines."""
