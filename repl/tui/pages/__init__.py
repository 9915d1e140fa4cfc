"""Pages on top of the main screen: pickers, editor, settings, help and questions."""
