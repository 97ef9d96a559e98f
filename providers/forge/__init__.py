"""Code forges behind one client each: GitHub."""
