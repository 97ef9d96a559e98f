"""Verification: mismatches between catalog, bucket and database.

They are found without asking any store or person.
"""
