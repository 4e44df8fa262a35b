"""What a gateway keeps of the exchanges it saw: sketched and pseudonymised first, then durable, then acknowledged."""

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.extract import Call, captured
from spiritsafe.gateway.capture.journal import Fate, Health, Journal
from spiritsafe.gateway.capture.veil import Veil

__all__ = ["Call", "Captured", "Fate", "Health", "Journal", "Veil", "captured"]
