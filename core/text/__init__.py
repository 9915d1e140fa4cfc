"""From files to clean text to token ids and back, and copied text in between. Knows nothing of models."""
