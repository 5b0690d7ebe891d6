"""History rows as instructions: one grammar for each builder, and what rows leave out."""
