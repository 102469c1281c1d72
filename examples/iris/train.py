"""Train a softmax regression on the iris measurements, with the standard library alone.

Reads the CSV files of the channel `training`, standardises the four features, holds a part of the rows out, descends the
gradient of the cross-entropy, and writes `model.json`.
"""

import argparse
import csv
import json
import math
import os
import random
import signal
import sys

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
LABEL = "species"


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=1.0)
    parser.add_argument("--l2", type=float, default=0.0001, help="weight of the penalty on large weights")
    parser.add_argument("--test-fraction", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1, help="decides which rows are held out")
    parser.add_argument("--training", default=os.environ.get("SM_CHANNEL_TRAINING", "data/training"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "model"))
    return parser.parse_args()


def read_rows(folder):
    """All rows of all CSV files in the folder, as (features, label) pairs."""
    rows = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".csv"):
            with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
                for record in csv.DictReader(file):
                    rows.append(([float(record[feature]) for feature in FEATURES], record[LABEL]))
    if not rows:
        raise ValueError("no rows found in the CSV files of {}".format(folder))
    return rows


def split(rows, test_fraction, seed):
    """Hold out the same share of each class, the same rows for the same seed."""
    shuffler = random.Random(seed)
    train, test = [], []
    for label in sorted({label for _, label in rows}):
        members = [row for row in rows if row[1] == label]
        shuffler.shuffle(members)
        held_out = round(len(members) * test_fraction)
        test += members[:held_out]
        train += members[held_out:]
    return train, test


class SoftmaxRegression:
    """One weight vector and one bias for each class, on standardised features."""

    def __init__(self, rows):
        self.classes = sorted({label for _, label in rows})
        columns = list(zip(*(features for features, _ in rows)))
        self.means = [sum(column) / len(column) for column in columns]
        self.scales = [
            math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0
            for column, mean in zip(columns, self.means)
        ]
        self.weights = [[0.0] * len(columns) for _ in self.classes]
        self.biases = [0.0] * len(self.classes)

    def standardise(self, features):
        return [(value - mean) / scale for value, mean, scale in zip(features, self.means, self.scales)]

    def probabilities(self, standardised):
        scores = [
            sum(weight * value for weight, value in zip(weights, standardised)) + bias
            for weights, bias in zip(self.weights, self.biases)
        ]
        # The largest score is taken off so that exp() cannot overflow.
        powers = [math.exp(score - max(scores)) for score in scores]
        return [power / sum(powers) for power in powers]

    def predict(self, features):
        probabilities = self.probabilities(self.standardise(features))
        return self.classes[probabilities.index(max(probabilities))]

    def descend(self, samples, learning_rate, l2):
        """One step over all samples, (standardised features, class number) pairs; returns the mean loss before it."""
        loss = 0.0
        weight_gradients = [[l2 * weight for weight in weights] for weights in self.weights]
        bias_gradients = [0.0] * len(self.classes)
        for values, target in samples:
            probabilities = self.probabilities(values)
            loss -= math.log(max(probabilities[target], 1e-300)) / len(samples)
            for number, probability in enumerate(probabilities):
                error = (probability - (number == target)) / len(samples)
                bias_gradients[number] += error
                for column, value in enumerate(values):
                    weight_gradients[number][column] += error * value
        for number, gradients in enumerate(weight_gradients):
            self.biases[number] -= learning_rate * bias_gradients[number]
            for column, gradient in enumerate(gradients):
                self.weights[number][column] -= learning_rate * gradient
        return loss

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        content = {
            "features": FEATURES,
            "classes": self.classes,
            "means": self.means,
            "scales": self.scales,
            "weights": self.weights,
            "biases": self.biases,
        }
        with open(os.path.join(folder, "model.json"), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)


class StopFlag:
    """Set by SIGTERM: the platform stops a job so, and kills it two minutes later."""

    def __init__(self):
        self.is_set = False
        signal.signal(signal.SIGTERM, self._set)

    def _set(self, signal_number, frame):
        self.is_set = True


def main():
    stop = StopFlag()
    args = parse_args()
    train_rows, test_rows = split(read_rows(args.training), args.test_fraction, args.seed)
    print("rows: {} to train on, {} held out".format(len(train_rows), len(test_rows)), flush=True)

    model = SoftmaxRegression(train_rows)
    samples = [(model.standardise(features), model.classes.index(label)) for features, label in train_rows]
    for epoch in range(1, args.epochs + 1):
        if stop.is_set:
            print("stopped by SIGTERM before epoch {}".format(epoch), flush=True)
            break
        loss = model.descend(samples, args.learning_rate, args.l2)
        if epoch % 10 == 0 or epoch == args.epochs:
            print("epoch {}/{} loss={:.4f}".format(epoch, args.epochs, loss), flush=True)

    model.save(args.model_dir)
    if test_rows:
        right = sum(model.predict(features) == label for features, label in test_rows)
        print("accuracy={:.2f}".format(right / len(test_rows)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
