"""YAML that a person wrote: its values, where each of them stands, and what is wrong with it.

`loading` and `settings` both read such text and may not know one another, so this stands below them.
"""
