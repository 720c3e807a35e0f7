"""What must survive, measured without a model: one module a gate, one table."""
