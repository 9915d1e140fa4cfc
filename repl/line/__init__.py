"""The line REPL on prompt-toolkit, and the same without a terminal. Knows nothing of Textual or the full screen."""
