"""Renderings of a verification."""
