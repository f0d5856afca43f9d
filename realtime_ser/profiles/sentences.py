"""Sentences to read while a voice is learned, each with the mood to read it in.

The moods matter: from neutral reading alone, a program would take a later mood for the voice.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and how to say it."""

    text: str
    mood: str


SENTENCES = (
    Sentence("The morning train to the coast leaves at ten past eight.", "as you usually speak"),
    Sentence("Guess what, we got the tickets for Saturday after all!", "cheerfully"),
    Sentence("Put the lamp on the small table and close the door behind you.", "calmly"),
    Sentence("I have told you three times now that the printer does not work.", "annoyed"),
    Sentence("My neighbor grows tomatoes, beans and a few very sour apples.", "as usual"),
    Sentence("Did you hear that noise, or was it only the wind outside?", "worried"),
    Sentence("You walked all the way home in this weather?", "surprised"),
    Sentence("The old bakery on the corner closed for good last week.", "sadly"),
    Sentence("We need bread, two lemons, some rice and a large bag of flour.", "as usual"),
    Sentence("This is the best soup I have eaten in a very long time!", "cheerfully"),
    Sentence("Somebody has left the milk in the sun again, and it smells terrible.", "disgusted"),
    Sentence("Take a deep breath, sit down for a moment, and look at the water.", "calmly"),
)
