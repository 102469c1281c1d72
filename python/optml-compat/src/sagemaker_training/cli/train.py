"""The command `train`."""

from sagemaker_training import trainer


def main():
    """Runs the job of this container."""
    trainer.train()


if __name__ == "__main__":
    main()
