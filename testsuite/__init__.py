"""What proves the site: real HTTP, real sockets, real servers, a real browser."""
