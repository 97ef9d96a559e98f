"""Providers: the PostgreSQL database and the object stores.

They implement the protocols of `reconciler.model.ports` for the two stores of the outside world.
"""
