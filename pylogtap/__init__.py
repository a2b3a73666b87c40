"""Log lines that survive the death of their process, shipped to a pylogtap collector."""
