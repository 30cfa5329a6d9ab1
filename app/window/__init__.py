"""The window: what is in it, and how it is opened."""

from app.window.opening import open_window

__all__ = ["open_window"]
