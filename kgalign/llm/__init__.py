"""Language models behind one protocol: a server, vLLM in this process, and a scripted judge."""
