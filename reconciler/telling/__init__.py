"""Telling people and machines what happened: log lines, notifications, metrics, and what was told before."""
