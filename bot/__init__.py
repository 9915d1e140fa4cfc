"""The Discord bot: continues seeds in channels. Imports core, and knows nothing of the terminal front ends.

An event passes through ``client``, ``responder``, ``handlers`` and ``delivery`` to ``writer``, which runs the model.
"""
