"""Publishing: the model card, and the tables in ``docs/quality.md``."""
