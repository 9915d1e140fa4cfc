"""The terminal: its bytes as keys, its colors and themes, and how fast it draws. Knows nothing of sessions."""
