"""Rarity-weighted trait links between accounts and their null."""
