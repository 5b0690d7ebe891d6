"""Other programs and places: what is here runs or reaches them, and nothing else does."""
