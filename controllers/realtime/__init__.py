"""The live side of rooms: delivery and presence in one process. Knows neither SockJS nor the database engines."""
