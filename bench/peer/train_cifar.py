"""Trains a network on CIFAR-10 in PyTorch: what `teleport train` is compared with.

    python3 bench/peer/train_cifar.py DATA {mlp,resnet18} --epochs 10 --batch 256 --lr 0.01 --momentum 0.9
        --weight-decay 0.0005 --seed 1

DATA is a folder with the binary records of CIFAR-10 (`teleport data cifar10` makes one). Channels are normalised; training
images are cropped from a border of 4 zeros (zeros before the normalisation, as torchvision's RandomCrop has it) and flipped;
the last partial batch is dropped. One line of JSON for each epoch: mean training loss, validation loss and accuracy, seconds.
"""
import argparse
import json
import pathlib
import time

import numpy
import torch
from torch import nn

from train_step import NETWORKS

MEAN = torch.tensor((0.4914, 0.4822, 0.4465)).view(1, 3, 1, 1)
STD = torch.tensor((0.2023, 0.1994, 0.2010)).view(1, 3, 1, 1)


def read(folder, names):
    rows = numpy.concatenate([numpy.fromfile(folder / name, numpy.uint8).reshape(-1, 3073) for name in names])
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32)), torch.from_numpy(rows[:, 0].astype(numpy.int64))


def augmented(images, generator):
    count = len(images)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    top = torch.randint(0, 9, (count,), generator=generator)
    left = torch.randint(0, 9, (count,), generator=generator)
    windows = padded.unfold(2, 32, 1).unfold(3, 32, 1)
    cropped = windows[torch.arange(count), :, top, left]
    flip = torch.rand(count, generator=generator) < 0.5
    return torch.where(flip.view(-1, 1, 1, 1), cropped.flip(3), cropped)


def normalised(images):
    return (images.float() / 255 - MEAN) / STD


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('data', type=pathlib.Path)
    parser.add_argument('network', choices=NETWORKS)
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--batch', type=int, default=256)
    parser.add_argument('--lr', type=float, default=0.01)
    parser.add_argument('--momentum', type=float, default=0.9)
    parser.add_argument('--weight-decay', type=float, default=5e-4)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    images, labels = read(arguments.data, [f'data_batch_{i}.bin' for i in range(1, 6)])
    held_out, held_out_labels = read(arguments.data, ['test_batch.bin'])
    network = NETWORKS[arguments.network][0]()
    optimizer = torch.optim.SGD(
        network.parameters(), lr=arguments.lr, momentum=arguments.momentum, weight_decay=arguments.weight_decay
    )
    for epoch in range(arguments.epochs):
        started = time.perf_counter()
        network.train()
        order = torch.randperm(len(images), generator=generator)
        losses = []
        for batch in order.split(arguments.batch):
            if len(batch) < arguments.batch:
                break
            loss = nn.functional.cross_entropy(network(normalised(augmented(images[batch], generator))), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        trained = time.perf_counter()
        network.eval()
        with torch.no_grad():
            logits = torch.cat([network(normalised(batch)) for batch in held_out.split(arguments.batch)])
        print(
            json.dumps({
                'epoch': epoch + 1,
                'loss': sum(losses) / len(losses),
                'validationLoss': nn.functional.cross_entropy(logits, held_out_labels).item(),
                'validationAccuracy': (logits.argmax(1) == held_out_labels).double().mean().item(),
                'trainingSeconds': trained - started,
                'seconds': time.perf_counter() - started,
            }),
            flush=True,
        )


main()
