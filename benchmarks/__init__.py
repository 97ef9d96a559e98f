"""How fast elmify is, beside programs that do a part of the same job on the same server."""
