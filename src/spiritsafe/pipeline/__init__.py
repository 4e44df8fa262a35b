"""The only place that strings stages together: scan, follow, backtest."""
