"""A small residual network for Fashion-MNIST, and how it is trained: plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

BATCH = 128
EVALUATED_AT_ONCE = 1000


class Residual(nn.Module):
    """Two 3x3 convolutions around which the input passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + x)


class FashionNet(nn.Module):
    """Images (N, 1, 28, 28) in 0..1 to 10 logits; about 23,000 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.down = nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False)
        self.bn_down = nn.BatchNorm2d(32)
        self.block = Residual(32)
        self.head = nn.Linear(32 * 3 * 3, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn(self.stem(x)))
        x = functional.relu(self.bn_down(self.down(x)))
        x = functional.max_pool2d(self.block(x), 2)
        return self.head(torch.flatten(x, 1))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Data:
    """Images (N, 1, 28, 28), float32 in 0..1, and their classes (N), on one device."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, images: NDArray[np.uint8], labels: NDArray[np.int64], device: str) -> Data:
        x = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
        return cls(x.to(device), torch.from_numpy(labels).to(device))

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Full batches in a random order; every second image or so is mirrored."""
        order = torch.randperm(len(self), generator=generator).to(self.y.device)
        for at in range(0, len(self) - BATCH + 1, BATCH):
            index = order[at : at + BATCH]
            x = self.x[index]
            mirrored = torch.rand(BATCH, generator=generator).to(x.device) < 0.5
            yield torch.where(mirrored[:, None, None, None], x.flip(3), x), self.y[index]


Tick = Callable[[], None]


def train(
    model: nn.Module,
    data: Data,
    *,
    epochs: int,
    rate: float,
    seed: int,
    tick: Tick = lambda: None,
    last: Callable[[nn.Module], object] = lambda model: None,
) -> None:
    """AdamW with a cosine schedule; ``last(model)`` is called in front of the last epoch."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    steps = epochs * (len(data) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for epoch in range(epochs):
        model.train()
        if epoch == epochs - 1:
            last(model)
        for x, y in data.batches(generator):
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(model(x), y).backward()
            optimiser.step()
            schedule.step()
            tick()


def steps_of(data: Data, epochs: int) -> int:
    """How often ``train`` calls its tick."""
    return epochs * (len(data) // BATCH)


@torch.no_grad()
def accuracy(model: nn.Module, data: Data) -> float:
    """Top-1 in percent, in eval mode."""
    model.eval()
    parts = zip(data.x.split(EVALUATED_AT_ONCE), data.y.split(EVALUATED_AT_ONCE), strict=True)
    right = sum(int((model(x).argmax(1) == y).sum()) for x, y in parts)
    return 100 * right / len(data)
