"""The lines around the input: the legend of heat, model, temperature and progress, and the keys that act now."""
