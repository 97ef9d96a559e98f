"""Planning: identity, diff, impact, guards, plan and drift.

Pure: values in, a plan out.
"""
