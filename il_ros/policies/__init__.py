"""What the learner may be: one file is one policy class, found by its file's name."""
