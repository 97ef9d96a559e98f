"""Pure: identity, diff, impact, guards, plan, drift. Values in, a plan out."""
