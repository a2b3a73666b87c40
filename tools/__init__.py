"""Programs for those who maintain pylogtap; none is part of a distribution."""
