"""Benchmarks of afterglow and of what a user would use instead. ``make bench`` runs them."""
