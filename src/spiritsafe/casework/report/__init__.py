"""The forensics report: one self-contained page, drawn from what detection computed."""

from spiritsafe.casework.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
