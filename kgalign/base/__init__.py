"""What every part may use: files and locks, memory, progress, logs, what is installed."""
