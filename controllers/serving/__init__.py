"""What the HTTP server uses: the limits of connections and of request heads, and compression."""
