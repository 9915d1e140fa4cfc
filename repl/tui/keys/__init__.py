"""The table of keys and the user's own ones; what typing needs: a text area, completion and drafts."""
