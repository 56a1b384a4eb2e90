"""Small servers of our own that do the same work in the ways that people otherwise choose."""
