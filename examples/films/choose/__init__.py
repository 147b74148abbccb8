"""Settles the example's choices by rules on films released before 2000: rules.ts states them, main.ts runs them."""
