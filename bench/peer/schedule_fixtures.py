"""What PyTorch's learning rate schedulers give, for test/train/schedule.test.ts.

`python3 bench/peer/schedule_fixtures.py > test/fixtures/schedules.json`
"""
import json

import torch
from torch.optim import lr_scheduler

# A loss that improves, stalls, gets worse and improves again.
METRICS = [1.0, 0.8, 0.79995, 0.81, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.69, 0.72, 0.73, 0.74, 0.75, 0.68, 0.68, 0.68, 0.68,
           0.68, 0.68, 0.68, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
ACCURACIES = [1 - metric for metric in METRICS]


def rates(make, metrics=None, lr=0.1, epochs=30):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    found = []
    for epoch in range(epochs):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step(*([] if metrics is None else [metrics[epoch]]))
    return found


def plateau(metrics, ours, **options):
    return {'schedule': 'reduceOnPlateau', 'options': ours, 'metrics': metrics,
            'lr': rates(lambda o: lr_scheduler.ReduceLROnPlateau(o, **options), metrics)}


CASES = [
    {'schedule': 'constant', 'options': {}, 'lr': rates(lambda o: lr_scheduler.ConstantLR(o, factor=1.0))},
    {'schedule': 'stepDecay', 'options': {'size': 7, 'gamma': 0.3}, 'lr': rates(lambda o: lr_scheduler.StepLR(o, 7, 0.3))},
    {'schedule': 'stepDecay', 'options': {'size': 1}, 'lr': rates(lambda o: lr_scheduler.StepLR(o, 1), epochs=8)},
    {'schedule': 'multiStep', 'options': {'milestones': [3, 10, 10, 25], 'gamma': 0.5},
     'lr': rates(lambda o: lr_scheduler.MultiStepLR(o, [3, 10, 10, 25], 0.5))},
    {'schedule': 'cosine', 'options': {'epochs': 30}, 'lr': rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 30))},
    {'schedule': 'cosine', 'options': {'epochs': 8, 'minimum': 0.01},
     'lr': rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 8, 0.01))},
    plateau(METRICS, {'patience': 2}, patience=2),
    plateau(METRICS, {'patience': 0, 'cooldown': 3, 'factor': 0.5, 'minimum': 0.002},
            patience=0, cooldown=3, factor=0.5, min_lr=0.002),
    plateau(METRICS, {'patience': 1, 'threshold': 0.05, 'thresholdMode': 'abs'},
            patience=1, threshold=0.05, threshold_mode='abs'),
    plateau(ACCURACIES, {'mode': 'max', 'patience': 2, 'threshold': 0.01}, mode='max', patience=2, threshold=0.01),
    plateau(ACCURACIES, {'mode': 'max', 'patience': 1, 'thresholdMode': 'abs', 'cooldown': 2, 'eps': 1e-3},
            mode='max', patience=1, threshold_mode='abs', cooldown=2, eps=1e-3),
]

print(json.dumps({'torch': torch.__version__, 'lr': 0.1, 'cases': CASES}, indent=1))
