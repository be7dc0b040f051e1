"""The numbers of test/support/draw.ts, bit for bit: what a skeleton's weights are drawn from.

A small network is exported with weights drawn in this way, and its running statistics follow them; so the skeleton that is
made of the export, drawn again by the test suite, is the same network, with statistics that fit its weights.
"""
import json

import numpy as np
import torch
from onnx import numpy_helper

SMALLEST = 256
MEAN = 4 * 32767.5
DEVIATION = np.sqrt(4 * (65536.0**2 - 1) / 12)


def seed_of(name):
    """A number for a name: FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for character in name:
        value = ((value ^ ord(character)) * 0x01000193) & 0xFFFFFFFF
    return value


def _mix(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def drawn(facts, count):
    """`count` doubles with the mean, deviation, bounds and seed of `facts`."""
    with np.errstate(over='ignore'):
        index = np.arange(count, dtype=np.uint32)
        a = _mix(np.uint32(facts['seed']) ^ (index * np.uint32(0x9E3779B1)))
        b = _mix(a + np.uint32(0x6A09E667))
    low = np.uint32(0xFFFF)
    total = (a & low).astype(np.float64) + (a >> np.uint32(16)) + (b & low) + (b >> np.uint32(16))
    values = facts['mean'] + facts['std'] * ((total - MEAN) / DEVIATION)
    return np.clip(values, facts['min'], facts['max'])


def facts_of(values, name):
    """Mean, deviation and bounds of `values`, with 6 digits, and a seed from the name."""
    wide = np.asarray(values, np.float64)
    facts = {'mean': wide.mean(), 'std': wide.std(), 'min': wide.min(), 'max': wide.max()}
    return {**{key: float(f'{value:.6g}') for key, value in facts.items()}, 'seed': seed_of(name)}


def redraw(module):
    """Draw the large weights of a module anew, with the mean and deviation that they have. Returns their facts by name."""
    known = {}
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1 and parameter.numel() > SMALLEST:
            facts = facts_of(parameter.detach().numpy(), name)
            values = drawn(facts, parameter.numel()).astype(np.float32).reshape(parameter.shape)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(values))
            known[name] = facts
    return known


def annotate(model, known):
    """Write the facts into the doc_string of each initializer that still is what was drawn."""
    for tensor in model.graph.initializer:
        facts = known.get(tensor.name)
        if facts is None:
            continue
        values = numpy_helper.to_array(tensor)
        if np.array_equal(values.reshape(-1), drawn(facts, values.size).astype(np.float32)):
            tensor.doc_string = json.dumps(facts)
