"""Errors of the service. Messages are for the operator (settings, port) or for people who ask (questions)."""

__all__ = ["ChatbotError", "InvalidQuestion", "InvalidSetting", "NotReady", "PortInUse"]


class ChatbotError(Exception):
    """Base of everything that can go wrong between a question and its answer."""


class InvalidSetting(ChatbotError):
    """A setting is unknown or has a wrong value."""


class InvalidQuestion(ChatbotError):
    """A question is blank or too long."""


class NotReady(ChatbotError):
    """The index or the encoder is still loading, or could not be loaded."""


class PortInUse(ChatbotError):
    """The address cannot be listened on: another program has it, or it is not one of this machine."""
