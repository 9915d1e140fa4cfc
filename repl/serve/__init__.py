"""A completions server: programs and pages ask for texts over HTTP, in the shapes that they know."""
