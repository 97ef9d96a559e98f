"""The CDN in front of the bucket."""
