"""What measures the figures that are wanted, and the peers that they are compared with."""
