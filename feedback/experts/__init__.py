"""Experts: from feedback to a token distribution."""
