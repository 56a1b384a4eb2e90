"""What the pages share: cookies, security headers, forms, caches, rate limits, rendering, log lines."""
