"""The Inspect widget: a model, what its tiles cost, whether they are exact."""
