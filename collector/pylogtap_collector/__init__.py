"""The pylogtap collector: stores, searches and shows what pylogtap clients send."""
