"""What PyTorch and torchvision call the parameters of the networks in src/models, and their shapes.

`python3 bench/peer/model_shapes.py > test/fixtures/models/shapes.json` (torchvision 0.14; 10 classes, ImageNet stems). One list per
network, in the order of its state_dict, without `num_batches_tracked`, which ONNX does not have.
"""
import json

import torchvision
from torch import nn

VISION = ['vgg11', 'vgg13', 'vgg16', 'vgg19', 'vgg11_bn', 'vgg13_bn', 'vgg16_bn', 'vgg19_bn', 'resnet18', 'resnet34', 'resnet50',
          'densenet121', 'densenet169']

ACTIVATIONS = {
    'relu': nn.ReLU,
    'leakyRelu': nn.LeakyReLU,
    'tanh': nn.Tanh,
    'elu': nn.ELU,
    'sigmoid': nn.Sigmoid,
}


def mlp(inputs=3 * 32 * 32, hidden=(500,) * 5, classes=10, activation='relu', batch_norm=False):
    layers = [nn.Flatten()]
    for before, after in zip([inputs, *hidden], hidden):
        layers.append(nn.Linear(before, after))
        if batch_norm:
            layers.append(nn.BatchNorm1d(after))
        layers.append(ACTIVATIONS[activation]())
    return nn.Sequential(*layers, nn.Linear(hidden[-1], classes))


def state(network):
    return {name: value for name, value in network.state_dict().items() if not name.endswith('num_batches_tracked')}


def main():
    networks = {'mlp': mlp(), 'mlp with batchNorm': mlp(batch_norm=True)}
    shapes = {name: [[key, list(value.shape)] for key, value in state(network).items()] for name, network in networks.items()}
    for name in VISION:
        network = getattr(torchvision.models, name)(num_classes=10)
        shapes[name] = [[key, list(value.shape)] for key, value in state(network).items()]
    print('{\n' + ',\n'.join(f'{json.dumps(name)}: {json.dumps(rows, separators=(",", ":"))}' for name, rows in shapes.items()) + '\n}')


if __name__ == '__main__':
    main()
