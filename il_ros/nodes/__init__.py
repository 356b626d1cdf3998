"""The nodes: thin shells that connect topics to the pieces of the other packages."""
