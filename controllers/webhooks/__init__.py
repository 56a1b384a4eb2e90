"""Webhooks: what other sites are told of a room, and what they post there."""
