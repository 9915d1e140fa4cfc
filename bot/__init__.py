"""The Discord bot: continues seeds in channels. Imports core, and knows nothing of the terminal front ends."""
