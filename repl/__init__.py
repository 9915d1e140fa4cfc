"""The front ends in a terminal: the command line, the full screen and the line REPL. Knows nothing of Discord."""
