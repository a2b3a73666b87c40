"""Test runs and their cases: told by the same spool as records, under the same prefixes."""
