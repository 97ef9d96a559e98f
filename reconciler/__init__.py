"""elmify: reconcile an audio library in R2 and PostgreSQL with a catalog.

The program reads what should exist and what does exist, plans the difference, and applies it as
one commit.
"""
