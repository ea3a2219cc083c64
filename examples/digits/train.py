"""Trains DigitNet on digits that it draws itself, and saves a checkpoint as most training loops do.

    python examples/digits/train.py

Nothing is downloaded: a digit is drawn from the seven segments of a pocket calculator's display, shifted, slanted,
thickened and covered with noise. The seed makes two runs on the same machine equal. It takes half a minute on one core.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from model import DigitNet
from torch import nn

HERE = Path(__file__).resolve().parent
SIZE = 28
# The ends of the segments in a box of 1 x 2: top, upper left, upper right, middle, lower left, lower right, bottom.
SEGMENTS = np.array(
    [
        [(0, 0), (1, 0)],
        [(0, 0), (0, 1)],
        [(1, 0), (1, 1)],
        [(0, 1), (1, 1)],
        [(0, 1), (0, 2)],
        [(1, 1), (1, 2)],
        [(0, 2), (1, 2)],
    ],
    dtype=np.float64,
)
# Which of them each digit lights up.
DIGITS = [(0, 1, 2, 4, 5, 6), (2, 5), (0, 2, 3, 4, 6), (0, 2, 3, 5, 6), (1, 2, 3, 5), (0, 1, 3, 5, 6)]
DIGITS += [(0, 1, 3, 4, 5, 6), (0, 2, 5), (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 5, 6)]


def draw(digit: int, rng: np.random.Generator) -> np.ndarray:
    """One digit as an image of 28 x 28 grey values from 0 to 1."""
    ends = SEGMENTS[list(DIGITS[digit])] + rng.normal(0, 0.09, (len(DIGITS[digit]), 2, 2))
    height, slant = rng.uniform(5, 9), rng.uniform(-0.3, 0.4)
    ends = (ends - (0.5, 1.0)) * (height * rng.uniform(0.8, 1.2), height)
    ends[..., 0] -= slant * ends[..., 1]
    ends += SIZE / 2 + rng.uniform(-3, 3, 2)
    start, way = ends[:, 0], ends[:, 1] - ends[:, 0]
    pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).reshape(-1, 1, 2) + 0.5
    # The distance of every pixel from the nearest segment is what a pen of some thickness covers.
    along = np.clip(((pixels - start) * way).sum(-1) / (way**2).sum(-1), 0, 1)
    distance = np.linalg.norm(pixels - (start + along[..., None] * way), axis=-1).min(axis=1)
    ink = np.clip(rng.uniform(1.0, 2.2) - distance, 0, 1).reshape(SIZE, SIZE)
    return np.clip(ink * rng.uniform(0.4, 1) + rng.normal(0, 0.25, ink.shape), 0, 1)


def dataset(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    images = np.stack([draw(int(label), rng) for label in labels])
    return torch.from_numpy(images).float().unsqueeze(1), torch.from_numpy(labels)


@torch.no_grad()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    model.eval()
    return float((model(images).argmax(1) == labels).float().mean())


def train(epochs: int, samples: int, seed: int, output: Path) -> float:
    """Train from scratch, print the accuracy after every epoch, save the checkpoint, return the last accuracy."""
    torch.manual_seed(seed)
    images, labels = dataset(samples, seed)
    test_images, test_labels = dataset(1000, seed + 1)
    model = DigitNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    batches = samples // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=epochs * batches)
    score = 0.0
    for epoch in range(1, epochs + 1):
        model.train()
        for batch in torch.randperm(samples)[: batches * 64].view(batches, 64):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        score = accuracy(model, test_images, test_labels)
        print(f"epoch {epoch}/{epochs}: loss {loss.item():.3f}, accuracy on 1000 new digits {score:.1%}")
    checkpoint = {
        "epoch": epochs,
        "lr": schedule.get_last_lr()[0],
        "accuracy": score,
        "model_state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(checkpoint, output)
    print(f"saved {output} ({output.stat().st_size / 1000:.0f} kB)")
    return score


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "digits.pt")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(arguments.epochs, arguments.samples, arguments.seed, arguments.output)
