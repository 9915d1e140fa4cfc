"""The Discord face: `/say` writes on from a seed, `/temp` turns a channel's temperature."""
