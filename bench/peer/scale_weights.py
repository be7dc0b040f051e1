"""How long PyTorch takes to scale all weights of VGG-16-bn (ten classes) by factors of their rows and columns, and to clone them."""
import json
import time

import torch

ROUNDS = 9


def shapes():
    channels = 3
    for width in [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]:
        yield (width, channels, 3, 3)
        # The convolution's bias, and the normalisation's scale, bias, mean and variance.
        for _ in range(5):
            yield (width,)
        channels = width
    for rows, columns in [(4096, 25088), (4096, 4096), (10, 4096)]:
        yield (rows, columns)
        yield (rows,)


def scaled(weight, rows, columns):
    if weight.dim() == 1:
        return weight * rows
    rest = [1] * (weight.dim() - 2)
    return weight * rows.view(-1, 1, *rest) / columns.view(1, -1, *rest)


def milliseconds(act):
    start = time.perf_counter()
    kept = act()
    elapsed = (time.perf_counter() - start) * 1000
    del kept
    return elapsed


def main():
    weights = [torch.rand(shape) - 0.4 for shape in shapes()]
    factors = [(torch.rand(w.shape[0]) + 0.1, torch.rand(w.shape[1] if w.dim() > 1 else 1) + 0.1) for w in weights]
    copy, scale = [], []
    with torch.no_grad():
        for turn in range(ROUNDS + 1):
            times = (
                milliseconds(lambda: [w.clone() for w in weights]),
                milliseconds(lambda: [scaled(w, *f) for w, f in zip(weights, factors)]),
            )
            if turn > 0:
                copy.append(times[0])
                scale.append(times[1])
    print(json.dumps({'version': torch.__version__.split('a')[0], 'copy': copy, 'scale': scale}))


main()
