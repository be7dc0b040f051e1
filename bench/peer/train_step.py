"""One training step of four networks in PyTorch: what bench/training.ts is measured against.

`python3 bench/peer/train_step.py NETWORK [--batch N]` prints one line of JSON `{"ready": ...}` and then obeys lines on
stdin: `run N` does N steps and answers with their times in milliseconds; `memory` answers with the peak of the process's
resident memory, and with what it was before the network was made, in bytes; end of input ends it. So that the caller can
alternate between this and another program, and both meet the same machine.
"""
import argparse
import json
import sys
import time

import torch
from torch import nn
import torchvision


def resident(which='VmRSS'):
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(which))


def mlp():
    widths = [3 * 32 * 32, 500, 500, 500, 500, 500]
    layers = [nn.Flatten()]
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def vgg16_bn():
    # torchvision's, with its 7x7 adaptive average pool and two layers of 4096 with dropout.
    return torchvision.models.vgg16_bn(num_classes=10)


def resnet18():
    network = torchvision.models.resnet18(num_classes=10)
    network.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
    return network


def densenet121():
    return torchvision.models.densenet121(num_classes=10)


NETWORKS = {
    'mlp': (mlp, 256),
    'vgg16_bn': (vgg16_bn, 64),
    'resnet18': (resnet18, 64),
    'densenet121': (densenet121, 64),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('network', choices=NETWORKS)
    parser.add_argument('--batch', type=int)
    parser.add_argument('--threads', type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    make, batch = NETWORKS[arguments.network]
    batch = arguments.batch or batch
    before = resident()
    network = make()
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    images, labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(json.dumps({'ready': arguments.network, 'batch': batch, 'parameters': parameters}), flush=True)
    for line in sys.stdin:
        command, *rest = line.split()
        if command == 'memory':
            print(json.dumps({'peak': resident('VmHWM'), 'before': before}), flush=True)
            continue
        times = []
        for _ in range(int(rest[0])):
            start = time.perf_counter()
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(images), labels)
            loss.backward()
            optimizer.step()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(times), flush=True)


if __name__ == '__main__':
    main()
