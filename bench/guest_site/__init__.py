"""A small Django site that has Holdfast as its guest; `bench/guest.py` serves and measures it."""
