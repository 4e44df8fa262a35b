"""Ladder steps from policy to action: preview, apply, undo, receipts."""
