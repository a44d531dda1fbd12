"""A run: its folder, its steps, and what they leave behind."""
