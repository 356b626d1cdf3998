"""The page at which a person drives: who sits at the controls, what the hands do, the picture, and its server."""
