"""Which figures a model has, and which model is best."""
