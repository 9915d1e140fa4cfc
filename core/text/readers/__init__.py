"""Readers of the formats that people have texts in. Each yields records: a text, its author, its time."""
