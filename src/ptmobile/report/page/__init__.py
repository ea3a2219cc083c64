"""``report.html``: everything that was found as one page that needs nothing else, neither network nor JavaScript."""

from ptmobile.report.page.render import report_html

__all__ = ["report_html"]
