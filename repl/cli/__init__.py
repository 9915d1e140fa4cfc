"""The commands of ``afterglow``, written with click. Knows how to start the other front ends, not how they work."""
