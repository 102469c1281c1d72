"""The parts of the serving benchmark: what is installed, how each server is started, the load, the cells and their goals."""
