"""The parts of the benchmark of object storage; bench/storage.py puts them together."""
