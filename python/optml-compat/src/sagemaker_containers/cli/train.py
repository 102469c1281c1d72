"""The command `train`."""

from sagemaker_containers import _trainer as trainer


def main():
    """Runs the job of this container."""
    trainer.train()


if __name__ == "__main__":
    main()
