"""The networks: recipes, training, the speech head, export to LiteRT."""
