"""Read, clean, split and tokenize texts, and find copied text. Knows nothing of models."""
