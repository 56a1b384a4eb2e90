"""What differs between SQLite and PostgreSQL, and the threads that call them."""
