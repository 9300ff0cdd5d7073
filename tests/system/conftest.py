"""Fixtures and options of the system tests: those that tests/fault uses too."""

from support.fixtures import *  # noqa: F403
