"""Small torch networks, random but seeded, normalization statistics included."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """8x8x3: convolutions with normalization, two additions, the mean, 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(8)
        self.first = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.second_norm = nn.BatchNorm2d(12)
        self.shortcut = nn.Conv2d(8, 12, 1, stride=2, bias=False)
        self.relu = nn.ReLU()
        self.relu1 = nn.ReLU()
        self.slope = nn.PReLU(12)
        self.mean = nn.AvgPool2d(4)
        self.flatten = nn.Flatten()
        self.classes = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem_norm(self.stem(x)))
        x = self.relu1(self.first_norm(self.first(x)) + x)
        x = self.slope(self.second_norm(self.second(x)) + self.shortcut(x))
        y: Tensor = self.classes(self.flatten(self.mean(x)))
        return y


class Separable(nn.Module):
    """10x10x2: depthwise and pointwise convolutions, a maximum, 6 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU6(),
            nn.Conv2d(6, 8, 1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, groups=8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 6),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return y


def mlp() -> nn.Module:
    """16 features, 12 and 12 hidden, 5 classes."""
    return nn.Sequential(
        nn.Linear(16, 12),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Linear(12, 12),
        nn.ReLU(),
        nn.Linear(12, 5),
    )


SHAPES = {"mlp": (16,), "residual": (3, 8, 8), "separable": (2, 10, 10)}
MAKERS = {"mlp": mlp, "residual": Residual, "separable": Separable}


def network(name: str, seed: int = 0) -> nn.Module:
    """One of ``MAKERS`` in float, its normalizations with statistics that are not trivial."""
    torch.manual_seed(seed)
    model = MAKERS[name]()
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.3, 1.5)
    return model.eval()


def frames(name: str, count: int, seed: int = 1) -> Tensor:
    """Inputs, some of them beyond the range that calibration sees."""
    generator = torch.Generator().manual_seed(seed)
    return 1.3 * torch.randn(count, *SHAPES[name], generator=generator)
