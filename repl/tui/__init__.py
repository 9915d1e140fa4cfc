"""The full screen on Textual: widgets, the app that owns them, and the parts that run lines and play text. Knows
nothing of the command line, of the line REPL, or of how text is generated.
"""
