"""Lines of programs that know nothing of pylogtap: where from, when, how bad, and what belongs together."""

from pylogtap.text.parser import LineParser, ParsedRecord

__all__ = ["LineParser", "ParsedRecord"]
