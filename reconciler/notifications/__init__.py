"""Notifications to people: what is sent after a run or a failure."""
