"""Copying a site from one database to another."""
