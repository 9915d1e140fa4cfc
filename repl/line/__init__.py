"""The line REPL on prompt-toolkit, and the front end for scripts. Knows nothing of Textual or the full screen."""
