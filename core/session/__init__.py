"""One person's work with a model: the passage tree, undo and branches, saving. Knows nothing of commands or screens."""
