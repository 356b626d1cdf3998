"""Rollouts, metrics with intervals, figures and the report."""
