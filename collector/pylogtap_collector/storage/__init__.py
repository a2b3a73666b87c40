"""The only place that knows SQL: the engine, the schema, and one file for each group of tables."""
