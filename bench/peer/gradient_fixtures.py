"""Gradients of layers as PyTorch computes them, for conventions that formulas leave open: ties, padding, what a mean counts.

Usage: python3 bench/peer/gradient_fixtures.py > test/fixtures/gradients/layers.json

Each case is one ONNX operator with attributes, the inputs, the weights r of L = sum(y * r), and the gradient of L by every float input.
"""

import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(0)
CASES = []


def ties(*shape):
    """Small whole numbers, so that many are equal."""
    return torch.randint(0, 3, shape).double()


def normal(*shape):
    return (torch.randn(*shape, dtype=torch.float64) * 16).round() / 16


def tensor(value):
    return {"dims": list(value.shape), "data": [float(f"{v:.9g}") for v in value.flatten().tolist()]}


def case(op_type, function, inputs, attributes=None, opset=18, fixed=()):
    """`fixed`: positions of inputs by which is not differentiated."""
    given = [x.clone().requires_grad_(i not in fixed) for i, x in enumerate(inputs)]
    y = function(*given)
    r = normal(*y.shape)
    (y * r).sum().backward()
    CASES.append({
        "opType": op_type,
        "opset": opset,
        "attributes": attributes or {},
        "inputs": [tensor(x) for x in inputs],
        "y": tensor(y.detach()),
        "r": tensor(r),
        "gradients": [None if i in fixed else tensor(x.grad) for i, x in enumerate(given)],
    })


def pools():
    for kernel, stride, padding, dilation, ceil in [
        (2, 2, 0, 1, False), (3, 2, 1, 1, False), (3, 1, 1, 1, False), (3, 2, 0, 1, True), (3, 2, 1, 2, False), (4, 3, 1, 1, True),
    ]:
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [padding] * 4, "ceil_mode": int(ceil)}
        case("MaxPool", lambda x: F.max_pool2d(x, kernel, stride, padding, dilation, ceil), [ties(2, 1, 7, 8)],
             {**window, "dilations": [dilation] * 2})
        if dilation > 1:
            continue
        for include in [False, True]:
            case("AveragePool", lambda x: F.avg_pool2d(x, kernel, stride, padding, ceil, include), [normal(1, 2, 7, 8)],
                 {**window, "count_include_pad": int(include)}, opset=19)
    case("MaxPool", lambda x: F.max_pool1d(x, 3, 2, 1), [ties(1, 2, 9)], {"kernel_shape": [3], "strides": [2], "pads": [1, 1]})
    case("MaxPool", lambda x: F.max_pool3d(x, 2, 1), [ties(1, 1, 3, 3, 4)], {"kernel_shape": [2, 2, 2]})
    case("LpPool", lambda x: F.lp_pool2d(x, 2, 2, 2), [normal(1, 2, 4, 6)], {"kernel_shape": [2, 2], "strides": [2, 2], "p": 2})
    case("GlobalMaxPool", lambda x: F.adaptive_max_pool2d(x, 1), [ties(2, 3, 3, 4)])
    case("GlobalAveragePool", lambda x: F.adaptive_avg_pool2d(x, 1), [normal(2, 3, 3, 4)])


def normalizations():
    statistics = [normal(3) + 1, normal(3), normal(3), normal(3).abs() + 0.5]
    for training in [False, True]:
        case("BatchNormalization", lambda x, g, b, m, v: F.batch_norm(x, m, v, g, b, training, 0.1, 0.01),
             [normal(4, 3, 2, 2), *statistics], {"epsilon": 0.01, "training_mode": int(training)}, fixed=(3, 4))
    case("LayerNormalization", lambda x, g, b: F.layer_norm(x, (3, 4), g, b, 0.01), [normal(2, 3, 4), normal(3, 4), normal(3, 4)],
         {"axis": -2, "epsilon": 0.01})
    case("InstanceNormalization", lambda x, g, b: F.instance_norm(x, None, None, g, b, True, 0.1, 0.01),
         [normal(2, 3, 4, 2), normal(3), normal(3)], {"epsilon": 0.01})
    case("GroupNormalization", lambda x, g, b: F.group_norm(x, 2, g, b, 0.01), [normal(2, 4, 3), normal(4), normal(4)],
         {"num_groups": 2, "epsilon": 0.01}, opset=21)
    case("LpNormalization", lambda x: F.normalize(x, 1.0, 1), [normal(2, 3, 4)], {"p": 1, "axis": 1})
    case("LpNormalization", lambda x: F.normalize(x, 2.0, -1), [normal(2, 3, 4)], {"p": 2, "axis": -1})
    case("LRN", lambda x: F.local_response_norm(x, 3, 0.5, 0.6, 2.0), [normal(2, 5, 2, 3)],
         {"size": 3, "alpha": 0.5, "beta": 0.6, "bias": {"type": "float", "value": 2}})


def products():
    case("Gemm", lambda a, b, c: torch.addmm(c, a.T, b.T, beta=0.5, alpha=1.5), [normal(2, 3), normal(4, 2), normal(4)],
         {"transA": 1, "transB": 1, "alpha": 1.5, "beta": 0.5})
    case("MatMul", torch.matmul, [normal(2, 1, 3, 4), normal(3, 4, 2)])
    case("MatMul", torch.matmul, [normal(4), normal(2, 4, 3)])


pools()
normalizations()
products()
json.dump(CASES, sys.stdout, separators=(",", ":"))
print()
