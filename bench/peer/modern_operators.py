"""Graphs of opset 20 to 23 with operators that this PyTorch cannot export: written out with onnx.helper, weights drawn."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Writer:
    def __init__(self, seed):
        self.random, self.tensors, self.nodes = np.random.default_rng(seed), [], []

    def weight(self, *shape, gain=1.0):
        fan_in = int(np.prod(shape[1:])) if len(shape) != 2 else shape[0]
        return self.constant((self.random.standard_normal(shape) * gain / fan_in**0.5).astype(np.float32))

    def gain(self, size):
        return self.constant(self.random.uniform(0.5, 1.5, size).astype(np.float32))

    def shift(self, size):
        return self.constant((self.random.standard_normal(size) * 0.1).astype(np.float32))

    def constant(self, values):
        name = f'w{len(self.tensors)}'
        self.tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def __call__(self, op, *inputs, outputs=1, **options):
        names = [f'v{len(self.nodes)}_{k}' for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **options))
        return names[0] if outputs == 1 else names

    def model(self, name, opset, inputs, output):
        self.nodes.append(helper.make_node('Identity', [output], ['output']))
        value = lambda n, shape: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, name, [value(n, s) for n, s in inputs], [value('output', None)], self.tensors)
        ir = {20: 9, 21: 10, 22: 10, 23: 11}[opset]
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=ir)


def convnet21():
    """GroupNormalization, Gelu, Mish, HardSwish, ReduceMax and a ReduceMean with its axes as an input."""
    w = Writer(1)
    x = w('Conv', 'input', w.weight(16, 3, 3, 3), w.shift(16), pads=[1, 1, 1, 1])
    x = w('GroupNormalization', x, w.gain(16), w.shift(16), num_groups=4)
    x = w('Gelu', x, approximate='tanh')
    y = w('Conv', x, w.weight(16, 16, 3, 3), w.shift(16), pads=[1, 1, 1, 1])
    y = w('Mish', w('InstanceNormalization', y, w.gain(16), w.shift(16)))
    x = w('Add', x, w('Conv', y, w.weight(16, 16, 1, 1)))
    x = w('HardSwish', w('Conv', x, w.weight(24, 16, 3, 3), w.shift(24), strides=[2, 2], pads=[1, 1, 1, 1]))
    axes = w.constant(np.array([2, 3], np.int64))
    pooled = w('Add', w('ReduceMean', x, axes, keepdims=0), w('ReduceMax', x, axes, keepdims=0))
    return w.model('convnet21', 21, [('input', ['batch', 3, 16, 16])], w('Gemm', pooled, w.weight(24, 10), w.shift(10)))


def decoder23():
    """RMSNormalization, the Attention operator with grouped heads, a gated feed-forward, LayerNormalization at the end."""
    w, width = Writer(2), 32
    x = w('Add', w('MatMul', 'input', w.weight(12, width)), w.shift(width))
    for _ in range(2):
        y = w('RMSNormalization', x, w.gain(width), axis=-1)
        q, k, v = (w('MatMul', y, w.weight(width, size)) for size in (32, 16, 16))
        y = w('Attention', q, k, v, q_num_heads=4, kv_num_heads=2, is_causal=1)
        x = w('Add', x, w('MatMul', y, w.weight(32, width)))
        y = w('RMSNormalization', x, w.gain(width), axis=-1)
        gate = w('MatMul', y, w.weight(width, 48))
        gate = w('Mul', gate, w('Sigmoid', gate))
        x = w('Add', x, w('MatMul', w('Mul', gate, w('MatMul', y, w.weight(width, 48))), w.weight(48, width)))
    x = w('LayerNormalization', x, w.gain(width), w.shift(width), axis=-1)
    return w.model('decoder23', 23, [('input', ['batch', 'time', 12])], w('MatMul', x, w.weight(width, 20)))


def classic7():
    """Opset 7: Upsample with attribute scales, Pad and Slice with attributes, broadcasting Mul and Add, LRN, Sum, Dropout."""
    w = Writer(3)
    x = w('Relu', w('Conv', 'input', w.weight(12, 3, 3, 3, gain=1.4), w.shift(12), pads=[1, 1, 1, 1]))
    x = w('LRN', x, size=5, alpha=1e-3, beta=0.75, bias=1.0)
    a = w('Relu', w('Conv', w('Pad', x, pads=[0, 0, 1, 1, 0, 0, 1, 1]), w.weight(12, 12, 3, 3, gain=1.4), w.shift(12)))
    b = w('Upsample', w('MaxPool', x, kernel_shape=[2, 2], strides=[2, 2]), scales=[1.0, 1.0, 2.0, 2.0], mode='nearest')
    x = w('Sum', a, b, w('Mul', x, w.constant(column(w, 12))))
    x = w('Add', x, w.constant(column(w, 12)))
    x = w('Concat', w('Slice', x, axes=[1], starts=[0], ends=[5]), w('Slice', x, axes=[1], starts=[5], ends=[12]), axis=1)
    x = w('Dropout', w('Flatten', w('AveragePool', x, kernel_shape=[16, 16])), ratio=0.5)
    x = w('Gemm', x, w.weight(12, 10), w.shift(10), alpha=0.5, beta=2.0)
    model = w.model('classic7', 20, [('input', ['batch', 3, 16, 16])], x)
    model.opset_import[0].version, model.ir_version = 7, 3
    for tensor in w.tensors:  # IR 3 lists every initializer among the inputs
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return model


def column(writer, channels):
    return writer.random.uniform(0.5, 1.5, (channels, 1, 1)).astype(np.float32)
