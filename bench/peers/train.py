"""Training steps of ResNet-10-T in PyTorch: the peer of `npm run bench -- train`.

Reads lines "size batch" from stdin, does one training step (forward, mean binary cross-entropy, backward, Adam) at
that size for each, and answers with its milliseconds; a line "memory" is answered with the peak resident MiB.
"""
import resource
import sys
import time

import torch
from torch import nn


class FrozenNorm(nn.Module):
    """Batch norm with fixed statistics whose scale and shift are trained."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x):
        return nn.functional.batch_norm(x, self.mean, self.var, self.weight, self.bias, training=False)


def conv(ci, co, kernel, stride=1):
    return nn.Conv2d(ci, co, kernel, stride, (kernel - 1) // 2, bias=False)


class Block(nn.Module):
    def __init__(self, ci, co, stride):
        super().__init__()
        self.body = nn.Sequential(conv(ci, co, 3, stride), FrozenNorm(co), nn.ReLU(inplace=True), conv(co, co, 3), FrozenNorm(co))
        pool = [nn.AvgPool2d(2, 2)] if stride > 1 else []
        self.short = nn.Sequential(*pool, conv(ci, co, 1), FrozenNorm(co)) if ci != co else nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.short(x))


def resnet10t(channels=1):
    layers, ci = [], channels
    for co, stride in ((24, 2), (32, 1), (64, 1)):
        layers += [conv(ci, co, 3, stride), FrozenNorm(co), nn.ReLU(inplace=True)]
        ci = co
    layers += [nn.MaxPool2d(3, 2, 1), Block(64, 64, 1), Block(64, 128, 2), Block(128, 256, 2), Block(256, 512, 2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1))


torch.manual_seed(0)
layout = torch.channels_last if "channels_last" in sys.argv[1:] else torch.contiguous_format
model = resnet10t().to(memory_format=layout)
for module in model.modules():
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
adam = torch.optim.Adam(model.parameters(), lr=5e-5)
batches = {}


def step(size, batch):
    if (size, batch) not in batches:
        x = torch.randn(batch, 1, size, size).to(memory_format=layout)
        batches[size, batch] = x, (torch.arange(batch) % 2).float()[:, None]
    x, y = batches[size, batch]
    adam.zero_grad(set_to_none=True)
    loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
    loss.backward()
    adam.step()
    return loss.item()


print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
for line in sys.stdin:
    if line.strip() == "memory":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
        continue
    size, batch = map(int, line.split())
    start = time.perf_counter()
    step(size, batch)
    print(1000 * (time.perf_counter() - start), flush=True)
