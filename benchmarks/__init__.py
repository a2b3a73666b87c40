"""Programs that measure pylogtap against its peers; see README.md beside this file."""
