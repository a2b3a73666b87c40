"""What follows from the history of tests: pure arithmetic, without a database and without a clock."""
