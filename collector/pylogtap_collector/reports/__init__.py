"""Reports of test runs by other programs: pure decoders, one module for each format."""
