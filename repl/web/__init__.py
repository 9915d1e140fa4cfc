"""The full screen in a browser: the server, and a process for each visitor."""
