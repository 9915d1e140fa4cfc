"""Learning from a text while it is read: dynamic evaluation, with backpropagation through time in numpy."""
