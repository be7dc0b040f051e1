"""What PyTorch computes with the networks in src/models, for weights that follow from a formula.

`python3 bench/peer/model_logits.py > test/fixtures/models/logits.json` for narrow networks; `--full` for the networks as they are.
Element i of parameter k of the state_dict is drawn from a hash of both, so that the fixture holds the logits alone; the arithmetic is
in double precision on weights rounded to float32. test/models/parity.test.ts has the same formula.
"""
import argparse
import json
import math

import numpy
import torch
import torchvision
from torch import nn

from model_shapes import ACTIVATIONS, VISION, mlp, state
from narrow import narrow

INPUT = 4000
IMAGES = 2


def unit(k, count):
    """`count` numbers of [0, 1) for parameter k: 32 bits of an integer hash (lowbias32)."""
    h = (numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(k) * numpy.uint64(1000003)) & numpy.uint64(0xffffffff)
    for shift, factor in ((16, 0x7feb352d), (15, 0x846ca68b), (16, 1)):
        h = ((h ^ (h >> numpy.uint64(shift))) * numpy.uint64(factor)) & numpy.uint64(0xffffffff)
    return h.astype(numpy.float64) / 2 ** 32


def parameter(k, name, shape):
    u = unit(k, math.prod(shape))
    if len(shape) > 1:
        values = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith('running_var') or name.endswith('weight'):
        values = 0.5 + u
    else:
        values = 0.2 * u - 0.1
    return values.astype(numpy.float32).reshape(shape)


def logits(network, shape):
    values = state(network)
    for k, (name, value) in enumerate(values.items()):
        value.copy_(torch.from_numpy(parameter(k, name, value.shape)))
    network.eval().double()
    x = (4 * unit(INPUT, IMAGES * math.prod(shape)) - 2).astype(numpy.float32).reshape(IMAGES, *shape)
    with torch.no_grad():
        return network(torch.from_numpy(x).double()).flatten().tolist()


def with_activation(network, activation):
    """The network with each ReLU replaced."""
    for name, module in network.named_children():
        if isinstance(module, nn.ReLU):
            setattr(network, name, ACTIVATIONS[activation]())
        else:
            with_activation(module, activation)
    return network


def cifar_stem(network):
    network.conv1 = nn.Conv2d(3, network.conv1.out_channels, 3, stride=1, padding=1, bias=False)
    return network


def vision(name, factor=1, **arguments):
    """A network whose widths are divided by a factor, but for its ten logits."""
    with narrow(factor):
        return getattr(torchvision.models, name)(num_classes=10 * factor, **arguments)


def narrow_cases():
    for activation in ACTIVATIONS:
        yield 'mlp', {'hidden': [20, 10], 'activation': activation}, mlp(hidden=(20, 10), activation=activation)
    yield ('mlp', {'inputShape': [7], 'hidden': [20, 10], 'batchNorm': True, 'classes': 3},
           mlp(inputs=7, hidden=(20, 10), batch_norm=True, classes=3))
    for name in VISION[:8]:
        yield name, {'width': 4, 'hidden': 256}, vision(name, 16)
    for shape in ([3, 64, 64], [3, 96, 160], [3, 224, 64], [3, 288, 33], [3, 480, 224]):
        yield 'vgg11', {'inputShape': shape, 'width': 2, 'hidden': 128}, vision('vgg11', 32)
    for name in VISION[8:11]:
        yield name, {'width': 8}, cifar_stem(vision(name, 8))
        yield name, {'width': 8, 'inputShape': [3, 65, 97]}, vision(name, 8)
    yield 'resnet18', {'width': 8, 'activation': 'elu'}, with_activation(cifar_stem(vision('resnet18', 8)), 'elu')
    for name, blocks in (('densenet121', [6, 12, 24, 16]), ('densenet169', [6, 12, 32, 32])):
        network = torchvision.models.DenseNet(growth_rate=4, block_config=blocks, num_init_features=8, num_classes=10)
        yield name, {'width': 8, 'growthRate': 4}, network


def full_cases():
    yield 'mlp', {}, mlp()
    for name in VISION:
        network = vision(name)
        yield name, {}, cifar_stem(network) if name.startswith('resnet') else network
    for name in VISION[8:11]:
        yield name, {'stem': 'imagenet'}, vision(name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--full', action='store_true')
    cases = full_cases() if parser.parse_args().full else narrow_cases()
    rows = [{'model': model, 'options': options, 'logits': logits(network, options.get('inputShape', [3, 32, 32]))}
            for model, options, network in cases]
    print('[\n' + ',\n'.join(json.dumps(row) for row in rows) + '\n]')


if __name__ == '__main__':
    main()
