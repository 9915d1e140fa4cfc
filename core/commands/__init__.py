"""The slash commands: their table, what they do, and the effects they yield. Knows no front end."""
