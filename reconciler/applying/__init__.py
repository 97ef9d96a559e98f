"""Carrying plans out: bytes first, rows once, rubbish last. Every effect goes through a port."""
