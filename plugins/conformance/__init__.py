"""What every plugin must keep to, built-in or not: run by ``schedrace plugins check FILE`` and by our tests."""

from plugins.conformance.check import check_estimator, check_file, check_scheduler, check_workload
from plugins.conformance.verdict import Verdict

__all__ = ["Verdict", "check_estimator", "check_file", "check_scheduler", "check_workload"]
