"""The parts of the benchmark of training on many hosts; bench/distributed.py puts them together."""
