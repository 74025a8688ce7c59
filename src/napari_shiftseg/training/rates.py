"""How fast and how long networks for objects learn; torch is not needed to say so."""

STEPS = 15_000
RATE = 2e-3  # peak of the learning rate
CORRECTION_STEPS = 300  # of a model that learns a few corrected objects
CORRECTION_RATE = 5e-4
