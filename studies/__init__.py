"""Studies that take an hour: what the lecture says, put to the test; ``python -m studies.policies`` runs one."""
