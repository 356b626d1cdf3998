"""A PyBullet arm behind the interface of a real one, and the tasks that it is given."""
