"""The self-test of a sandbox: what untrusted code would like to do, tried from inside, judged outside."""

from distil_envs.sandbox.selftest.effect import Effect, Places, Seen, UnclearError, Verdict
from distil_envs.sandbox.selftest.suite import EFFECTS, Finding, failures, selftest

__all__ = ["EFFECTS", "Effect", "Finding", "Places", "Seen", "UnclearError", "Verdict", "failures", "selftest"]
