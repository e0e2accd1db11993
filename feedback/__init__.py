"""From outcomes to words, and from words to token distributions that a policy can learn from."""

from feedback.feedback import Feedback, FeedbackProvider
from feedback.provider import FunctionProvider, provider

__all__ = ["Feedback", "FeedbackProvider", "FunctionProvider", "provider"]
