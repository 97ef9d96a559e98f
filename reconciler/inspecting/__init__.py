"""Looking at both stores and what is remembered of them, and saying what is wrong. Changes nothing."""
