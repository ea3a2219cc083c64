"""What is known about the published mobile runtimes."""

from ptmobile.runtimes.releases import Platform, Recommendation, Release, accepting, load_releases, recommend

__all__ = ["Platform", "Recommendation", "Release", "accepting", "load_releases", "recommend"]
