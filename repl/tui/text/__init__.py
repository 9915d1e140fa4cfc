"""The transcript: texts, notes, lists and tables as wrapped lines, with heat, selection and search."""
