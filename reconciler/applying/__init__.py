"""Carrying out plans: upload first, commit once, delete last.

Every effect goes through a port.
"""
