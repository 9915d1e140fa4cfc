"""A fuzzer that knows the formats: it changes valid files and messages, and uses what the program still accepts.

``python -m tests.fuzz`` runs it; see docs/contributing.md.
"""
