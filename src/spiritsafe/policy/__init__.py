"""Policy table, ladder and limits: pure and light."""
