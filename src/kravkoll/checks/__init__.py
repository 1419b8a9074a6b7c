"""The words that suites are written in, and judgements shared with `examine`."""
