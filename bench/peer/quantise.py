"""A small int8 quantiser over exported models: enough to try teleportation on each of the three forms in use.

    qdq      QuantizeLinear and DequantizeLinear around float operators; weights int8 per channel, biases int32
    dynamic  DynamicQuantizeLinear with ConvInteger and MatMulInteger
    qlinear  QLinearConv and QLinearMatMul on a chain (written out by hand, not converted)

Needs an export with its BatchNormalization folded, of opset 13 or later for `qdq`.
"""
import numpy as np
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

from variants import _copy

QUANTISED = {'Conv', 'Gemm', 'MatMul', 'Add', 'GlobalAveragePool', 'MaxPool', 'ReduceMean', 'Concat'}


def evaluate(model, x):
    """Every value of a small convolutional graph on the input `x`, by name."""
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    values[model.graph.input[0].name] = x
    for node in model.graph.node:
        a = {t.name: helper.get_attribute_value(t) for t in node.attribute}
        i = [values[name] if name else None for name in node.input]
        values[node.output[0]] = OPERATORS[node.op_type](i, a)
    return values


def _conv(i, a):
    assert list(a['pads'][:2]) == list(a['pads'][2:])
    return F.conv2d(i[0], i[1], i[2] if len(i) > 2 else None, a['strides'], a['pads'][:2], a['dilations'], a['group'])


OPERATORS = {
    'Conv': _conv,
    'Gemm': lambda i, a: F.linear(i[0], i[1] if a.get('transB') else i[1].t(), i[2]),
    'MatMul': lambda i, a: i[0] @ i[1],
    'Add': lambda i, a: i[0] + i[1],
    'Relu': lambda i, a: i[0].relu(),
    'Clip': lambda i, a: i[0].clamp(float(i[1]), float(i[2])),
    'MaxPool': lambda i, a: F.max_pool2d(i[0], a['kernel_shape'], a['strides'], a['pads'][:2]),
    'GlobalAveragePool': lambda i, a: i[0].mean((2, 3), keepdim=True),
    'ReduceMean': lambda i, a: i[0].mean(tuple(a['axes']), keepdim=bool(a.get('keepdims', 1))),
    'Flatten': lambda i, a: i[0].flatten(a.get('axis', 1)),
    'Concat': lambda i, a: torch.cat(i, a['axis']),
    'Identity': lambda i, a: i[0],
    'Constant': lambda i, a: torch.from_numpy(numpy_helper.to_array(a['value']).copy()),
}


class Quantiser:
    """Adds tensors and nodes to a copy of a model."""

    def __init__(self, model):
        self.model = _copy(model)
        self.graph = self.model.graph
        del self.graph.value_info[:]
        self.weights = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        self.nodes = []
        self.done = {}

    def tensor(self, name, values):
        self.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op, inputs, output, **options):
        self.nodes.append(helper.make_node(op, inputs, [output], name=f'{op}_{output}', **options))
        return output

    def finish(self):
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        kept = [t for t in self.graph.initializer if t.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
        return self.model

    def int8_rows(self, name, axis):
        """The weight as int8 with one scale per output channel on `axis`."""
        w = self.weights[name]
        others = tuple(k for k in range(w.ndim) if k != axis)
        scale = np.maximum(np.abs(w).max(others), 1e-8).astype(np.float32) / 127
        shape = [-1 if k == axis else 1 for k in range(w.ndim)]
        return np.round(w / scale.reshape(shape)).astype(np.int8), scale


def qdq(model, x, signed):
    """`x` is the calibration batch; `signed` picks int8 symmetric activations, otherwise uint8 with a zero point."""
    q = Quantiser(model)
    values = evaluate(model, x)
    ranges = {name: (min(float(v.min()), 0.0), max(float(v.max()), 0.0)) for name, v in values.items() if v.is_floating_point()}

    def activation(name):
        if name in q.weights or name not in ranges:
            return name
        if name not in q.done:
            low, high = ranges[name]
            scale = (max(-low, high) / 127 if signed else (high - low) / 255) or 1.0
            zero = np.array(0, np.int8) if signed else np.array(int(np.clip(round(-low / scale), 0, 255)), np.uint8)
            q.tensor(name + '_scale', np.array(scale, np.float32))
            q.tensor(name + '_zero_point', zero)
            q.node('QuantizeLinear', [name, name + '_scale', name + '_zero_point'], name + '_quantized')
            q.node('DequantizeLinear', [name + '_quantized', name + '_scale', name + '_zero_point'], name + '_dequantized')
            q.done[name] = (name + '_dequantized', scale)
        return q.done[name][0]

    for node in model.graph.node:
        if node.op_type not in QUANTISED:
            q.nodes.append(node)
            continue
        new = helper.make_node(node.op_type, [activation(name) for name in node.input], node.output, name=node.name)
        new.attribute.extend(node.attribute)
        if node.op_type in ('Conv', 'Gemm'):
            weight = node.input[1]
            rows, scale = q.int8_rows(weight, 0)
            q.tensor(weight + '_quantized', rows)
            q.tensor(weight + '_scale', scale)
            q.tensor(weight + '_zero_point', np.zeros(len(scale), np.int8))
            stored = [weight + suffix for suffix in ('_quantized', '_scale', '_zero_point')]
            new.input[1] = q.node('DequantizeLinear', stored, weight + '_dequantized', axis=0)
            if len(node.input) > 2:
                bias, scales = node.input[2], (q.done[node.input[0]][1] * scale).astype(np.float32)
                q.tensor(bias + '_quantized', np.round(q.weights[bias] / scales).astype(np.int32))
                q.tensor(bias + '_scale', scales)
                new.input[2] = q.node('DequantizeLinear', [bias + '_quantized', bias + '_scale'], bias + '_dequantized', axis=0)
        q.nodes.append(new)
    return q.finish()


def dynamic(model):
    """Conv and MatMul with constant weights become ConvInteger and MatMulInteger on activations quantised as they come."""
    q = Quantiser(model)
    for node in model.graph.node:
        if node.op_type not in ('Conv', 'MatMul', 'Gemm') or node.input[1] not in q.weights:
            q.nodes.append(node)
            continue
        x, weight, out = node.input[0], node.input[1], node.output[0]
        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        w = q.weights[weight]
        if node.op_type == 'Gemm' and options.pop('transB', 0):
            w = w.T
        scale = np.float32(max(float(w.max()), 0.0) - min(float(w.min()), 0.0)) / np.float32(255)
        zero = np.uint8(np.clip(np.round(-w.min() / scale), 0, 255))
        q.tensor(f'{out}_weight_quantized', np.clip(np.round(w / scale) + zero, 0, 255).astype(np.uint8))
        q.tensor(f'{out}_weight_zero_point', np.array(zero))
        q.tensor(f'{out}_weight_scale', np.array(scale, np.float32))
        if x not in q.done:
            q.done[x] = [x + '_quantized', x + '_scale', x + '_zero_point']
            q.nodes.append(helper.make_node('DynamicQuantizeLinear', [x], q.done[x]))
        quantised, x_scale, x_zero = q.done[x]
        integer = 'ConvInteger' if node.op_type == 'Conv' else 'MatMulInteger'
        options = options if node.op_type == 'Conv' else {}
        q.node(integer, [quantised, f'{out}_weight_quantized', x_zero, f'{out}_weight_zero_point'], out + '_integer', **options)
        q.node('Cast', [out + '_integer'], out + '_cast', to=TensorProto.FLOAT)
        q.node('Mul', [x_scale, f'{out}_weight_scale'], out + '_scales')
        has_bias = len(node.input) > 2
        y = q.node('Mul', [out + '_cast', out + '_scales'], out + '_scaled' if has_bias else out)
        if has_bias:
            bias = q.weights[node.input[2]]
            q.tensor(out + '_bias', bias.reshape([1, -1, 1, 1]) if node.op_type == 'Conv' else bias)
            q.node('Add', [y, out + '_bias'], out)
    return q.finish()


def qlinear(seed=5):
    """Three QLinearConv (the last grouped), a uint8 MaxPool, a QLinearMatMul, dequantised at the end."""
    random = np.random.default_rng(seed)
    tensors, nodes = [], []

    def tensor(name, values):
        tensors.append(numpy_helper.from_array(values, name))
        return name

    def point(name, scale, zero):
        return [tensor(name + '_scale', np.array(scale, np.float32)), tensor(name + '_zero', np.array(zero, np.uint8))]

    x, at = 'x', point('x', 0.03, 128)
    nodes.append(helper.make_node('QuantizeLinear', ['input', *at], ['x']))
    for i, (inputs, outputs, group) in enumerate([(3, 12, 1), (12, 16, 1), (16, 16, 4)]):
        w = [tensor(f'w{i}', random.integers(-127, 128, (outputs, inputs // group, 3, 3)).astype(np.int8)),
             tensor(f'w{i}_scale', random.uniform(0.002, 0.004, outputs).astype(np.float32)), tensor(f'w{i}_zero', np.zeros(outputs, np.int8))]  # fmt: skip
        to = point(f'y{i}', 0.02, 0)
        bias = tensor(f'b{i}', random.integers(-500, 500, outputs).astype(np.int32))
        nodes.append(helper.make_node('QLinearConv', [x, *at, *w, *to, bias], [f'y{i}'], pads=[1] * 4, group=group))
        x, at = f'y{i}', to
    nodes.append(helper.make_node('MaxPool', [x], ['pooled'], kernel_shape=[8, 8], strides=[8, 8]))
    nodes.append(helper.make_node('Flatten', ['pooled'], ['flat']))
    w = [tensor('w', random.integers(-127, 128, (64, 10)).astype(np.int8)), tensor('w_scale', np.array(0.003, np.float32)), tensor('w_zero', np.array(0, np.int8))]
    to = point('z', 0.1, 128)
    nodes.append(helper.make_node('QLinearMatMul', ['flat', *at, *w, *to], ['z']))
    nodes.append(helper.make_node('DequantizeLinear', ['z', *to], ['output']))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, 'qlinear', [value('input', TensorProto.FLOAT, ['batch', 3, 16, 16])], [value('output', TensorProto.FLOAT, ['batch', 10])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
