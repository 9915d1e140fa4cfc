"""Text and tokens made visible: heat levels, SVG, HTML, escaping. Knows nothing of terminals."""
