"""What a process measures of itself: CPU, memory, garbage collections, the delay of its event loops."""
