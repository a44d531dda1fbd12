"""Asking a language model: which cases, what is asked, how an answer is read."""
