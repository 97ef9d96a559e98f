"""Renderings of a drift report."""
