"""Rounds, what runs in them, and what is made of the seconds."""
