"""Reviews: the draw, the commands, the results, the screen."""
