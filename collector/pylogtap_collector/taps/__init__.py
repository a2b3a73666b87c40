"""What comes in by other doors than our client's: bytes of other protocols to entries and points; pure."""
