"""Streams of tokens: batched, stepped by an engine or its thread, resumable from snapshots. Knows no passages."""
