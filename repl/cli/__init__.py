"""The commands of ``afterglow``, written with click. They start the other front ends, and know nothing inside them."""
