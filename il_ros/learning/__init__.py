"""From recorded episodes to a checkpoint, and from a checkpoint to action chunks."""
