"""What layers tell of the instructions that made them."""
