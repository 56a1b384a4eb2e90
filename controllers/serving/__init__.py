"""What the HTTP server uses: limits on connections and request heads, and compression."""
