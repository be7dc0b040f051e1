"""What PyTorch's optimisers, gradient clipping and losses do to a small MLP, for test/train/optimizers.test.ts.

`python3 bench/peer/optimizer_fixtures.py > test/fixtures/optimizers.json`
"""
import json

import torch
from torch import nn
from torch.nn import functional

STEPS = 6
# The learning rate of each step, as a multiple of the optimiser's.
RATES = [1, 1, 0.5, 0.5, 2, 0.1]


def numbers(tensor):
    return [float(f'{value:.9g}') for value in tensor.detach().reshape(-1).tolist()]


def network():
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def cross_entropy(**options):
    return lambda output, labels, values: functional.cross_entropy(output, labels, **options)


def squared(output, labels, values):
    return functional.mse_loss(output, values)


def trained(make, lr, loss=cross_entropy(), clip=None, penalty=0.0):
    model = network()
    optimizer = make(model.parameters())
    losses, norms = [], []
    for rate in RATES:
        optimizer.param_groups[0]['lr'] = lr * rate
        optimizer.zero_grad()
        value = loss(model(X), LABELS, VALUES)
        if penalty:
            value = value + penalty / 2 * sum((parameter**2).sum() for parameter in model.parameters())
        value.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), clip or 1e9)
        optimizer.step()
        losses.append(value.item())
        norms.append(norm.item())
    result = {'losses': losses, 'norms': norms, 'weights': {name: numbers(p) for name, p in model.named_parameters()}}
    with torch.no_grad():
        output = model(X)
        result['evaluation'] = loss(output, LABELS, VALUES).item()
        result['correct'] = int((output.argmax(1) == LABELS).sum())
    return result


def case(name, options, lr, torch_options, step=None, **rest):
    kinds = {'sgd': torch.optim.SGD, 'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW}
    found = trained(lambda parameters: kinds[name](parameters, lr=lr, **torch_options), lr, **rest)
    return {'optimizer': name, 'options': {'lr': lr, **options}, 'step': step or {'loss': 'crossEntropy'}, **found}


torch.manual_seed(3)
X = torch.randn(4, 6)
LABELS = torch.tensor([2, 0, 1, 0])
VALUES = torch.randn(4, 3)

MOMENTUM = {'momentum': 0.9}
CASES = [
    case('sgd', {}, 0.3, {}),
    case('sgd', {'weightDecay': 0.1}, 0.3, {'weight_decay': 0.1}),
    case('sgd', MOMENTUM, 0.1, MOMENTUM),
    case('sgd', {**MOMENTUM, 'weightDecay': 0.1}, 0.1, {**MOMENTUM, 'weight_decay': 0.1}),
    case('sgd', {**MOMENTUM, 'nesterov': True, 'weightDecay': 0.1}, 0.1,
         {**MOMENTUM, 'nesterov': True, 'weight_decay': 0.1}),
    case('sgd', {**MOMENTUM, 'dampening': 0.5}, 0.1, {**MOMENTUM, 'dampening': 0.5}),
    case('adam', {}, 0.05, {}),
    case('adam', {'betas': [0.5, 0.9], 'eps': 1e-3, 'weightDecay': 0.1}, 0.05,
         {'betas': (0.5, 0.9), 'eps': 1e-3, 'weight_decay': 0.1}),
    case('adamw', {}, 0.05, {}),
    case('adamw', {'betas': [0.8, 0.99], 'weightDecay': 0.3}, 0.05, {'betas': (0.8, 0.99), 'weight_decay': 0.3}),
    case('sgd', MOMENTUM, 0.1, MOMENTUM, {'loss': 'crossEntropy', 'clipNorm': 0.2}, clip=0.2),
    case('adam', {}, 0.05, {}, {'loss': 'crossEntropy', 'clipNorm': 0.4}, clip=0.4),
    case('sgd', MOMENTUM, 0.1, MOMENTUM, {'loss': {'crossEntropy': {'labelSmoothing': 0.2}}},
         loss=cross_entropy(label_smoothing=0.2)),
    case('sgd', MOMENTUM, 0.1, MOMENTUM, {'loss': 'meanSquaredError'}, loss=squared),
    case('sgd', MOMENTUM, 0.1, MOMENTUM, {'loss': 'crossEntropy', 'l2Penalty': 0.05, 'clipNorm': 0.5}, penalty=0.05,
         clip=0.5),
]
INITIAL = {name: {'dims': list(p.shape), 'values': numbers(p)} for name, p in network().named_parameters()}
print(json.dumps({'torch': torch.__version__, 'rates': RATES, 'x': numbers(X), 'labels': LABELS.tolist(),
                  'values': numbers(VALUES), 'initial': INITIAL, 'cases': CASES}))
