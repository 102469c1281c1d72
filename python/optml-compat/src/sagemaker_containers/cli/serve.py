"""The command `serve`."""

from optml_compat import binary


def main():
    """Serves the model of this container, and does not return: this process becomes `optml serve`."""
    binary.become("serve")


if __name__ == "__main__":
    main()
