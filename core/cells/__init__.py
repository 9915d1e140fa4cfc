"""Shows what the units of the network hold: their values over a text, and what they follow in it."""
