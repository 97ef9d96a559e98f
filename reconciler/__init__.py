"""The program: reads what should exist and what does, plans the difference, applies it as one commit."""
