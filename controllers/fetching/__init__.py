"""HTTP requests to other sites, guarded against private addresses, redirects and large answers."""
