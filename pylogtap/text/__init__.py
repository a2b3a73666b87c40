"""Lines of programs that know nothing of pylogtap: where from, when, how bad, and what belongs together."""
