"""Embedded PostgreSQL server from a pip wheel."""
