"""Plan, run and prove."""
