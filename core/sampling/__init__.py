"""From logits to a token. Knows nothing of models, streams or front ends."""
