"""One thread for PyTorch: tests run side by side, and networks here are small."""

import torch

torch.set_num_threads(1)
