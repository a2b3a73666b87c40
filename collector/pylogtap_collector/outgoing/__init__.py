"""Requests that the collector itself makes: only to listed addresses, and never further than that."""
