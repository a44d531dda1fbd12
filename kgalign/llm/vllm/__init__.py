"""vLLM: in the process, and as a server of its own."""
