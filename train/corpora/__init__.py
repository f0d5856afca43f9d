"""The corpora that training and evaluation read: clips, label sets, splits and downloads."""
