"""What every plugin must keep to, built-in or not: run by ``schedrace plugins check FILE`` and by our tests."""

from plugins.conformance.check import check_estimator, check_file, check_scheduler, check_workload
from plugins.conformance.line import CheckLine

__all__ = ["CheckLine", "check_estimator", "check_file", "check_scheduler", "check_workload"]
