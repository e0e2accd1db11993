"""`distil report`: what runs achieved and what happened in them, as one HTML file that needs nothing else."""

from agents.report.page import Report, write_report

__all__ = ["Report", "write_report"]
