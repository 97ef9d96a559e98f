"""Renderings of a plan: text, markdown, HTML and JSON."""
