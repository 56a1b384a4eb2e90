"""What measures the figures of DESIGN.md, and the peers that they are compared with."""
