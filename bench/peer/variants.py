"""Other element types and layouts of an exported model, as converters write them."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT32_INPUTS = {'Resize': (1, 2), 'Upsample': (1,), 'QuantizeLinear': (1,), 'DequantizeLinear': (1,)}
TYPES = {TensorProto.FLOAT16: np.float16, TensorProto.DOUBLE: np.float64}


def retype(model, to):
    """Every float32 becomes `to` (FLOAT16 or DOUBLE): initializers, constants, casts, inputs and outputs."""
    model = _copy(model)
    graph = model.graph
    kept = {node.input[i] for node in graph.node for i in FLOAT32_INPUTS.get(node.op_type, ()) if i < len(node.input)}
    for tensor in graph.initializer:
        if tensor.name not in kept:
            _retype_tensor(tensor, to)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField('t') and not (node.op_type == 'Constant' and node.output[0] in kept):
                _retype_tensor(attribute.t, to)
            if node.op_type == 'Cast' and attribute.name == 'to' and attribute.i == TensorProto.FLOAT:
                attribute.i = to
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = to
    return model


def float32_border(model):
    """A float16 model whose inputs and outputs are float32: casts at the border, as converters add them."""
    model = _copy(model)
    graph = model.graph
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
            _rename_uses(graph, value.name, value.name + '_half')
            graph.node.insert(0, helper.make_node('Cast', [value.name], [value.name + '_half'], to=TensorProto.FLOAT16))
    for value in graph.output:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
            for node in graph.node:
                node.output[:] = [value.name + '_half' if name == value.name else name for name in node.output]
            _rename_uses(graph, value.name, value.name + '_half')
            graph.node.append(helper.make_node('Cast', [value.name + '_half'], [value.name], to=TensorProto.FLOAT))
    return model


def store_weights_as(model, to):
    """Weights of two and more axes stored as `to` (FLOAT16 or BFLOAT16), each behind a Cast to float32."""
    model = _copy(model)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        if to == TensorProto.BFLOAT16:
            bits = values.view(np.uint32)
            raw = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype('<u2').tobytes()
        else:
            raw = values.astype('<f2').tobytes()
        tensor.CopyFrom(TensorProto(name=name + '_stored', data_type=to, dims=values.shape, raw_data=raw, doc_string=tensor.doc_string))
        casts.append(helper.make_node('Cast', [name + '_stored'], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    return model


def weights_in_constants(model):
    """No initializers at all: Constant nodes, every second one behind an Identity."""
    model = _copy(model)
    graph = model.graph
    nodes = []
    for i, tensor in enumerate(graph.initializer):
        name = tensor.name
        out = name if i % 2 == 0 else name + '_constant'
        nodes.append(helper.make_node('Constant', [], [out], value=tensor))
        if out != name:
            nodes.append(helper.make_node('Identity', [out], [name]))
    del graph.initializer[:]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    return model


def like_newer_exporters(model):
    """Opset 18 as newer exporters write it: axes and counts as inputs, pooling as a mean, allowzero, GELU left spelt out."""
    model = _copy(model)
    graph = model.graph
    del graph.value_info[:]
    nodes = []
    for i, node in enumerate(graph.node):
        constants = []

        def constant(values):
            name = f'val_{i}_{len(constants)}'
            constants.append(helper.make_node('Constant', [], [name], value=numpy_helper.from_array(np.array(values, np.int64))))
            return name

        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == 'GlobalAveragePool':
            node = helper.make_node('ReduceMean', [node.input[0], constant([-1, -2])], node.output, keepdims=1, noop_with_empty_axes=0)
        elif node.op_type.startswith('Reduce') and 'axes' in options:
            axes = options.pop('axes')
            node = helper.make_node(node.op_type, [node.input[0], constant(axes)], node.output, **options)
        elif node.op_type == 'Split' and len(node.input) < 2:
            node = helper.make_node('Split', node.input, node.output, axis=options.get('axis', 0), num_outputs=len(node.output))
        nodes += [*constants, node]
    del graph.node[:]
    graph.node.extend(nodes)
    model.opset_import[0].version = 18
    model.ir_version = 8
    return model


def save_external(model, path):
    """Every tensor above 1 KiB in one file beside it."""
    model = _copy(model)
    location = os.path.basename(path) + '.data'
    if os.path.exists(path + '.data'):
        os.remove(path + '.data')
    onnx.save_model(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location=location, size_threshold=1024)


def _copy(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _retype_tensor(tensor, to):
    if tensor.data_type == TensorProto.FLOAT:
        # float16 has no exponent for the sentinels of masks and for tiny epsilons: what overflows becomes the largest number.
        values = np.nan_to_num(numpy_helper.to_array(tensor).astype(TYPES[to]), neginf=-np.inf)
        values = np.clip(values, np.finfo(TYPES[to]).min, np.finfo(TYPES[to]).max)
        doc = tensor.doc_string
        tensor.CopyFrom(numpy_helper.from_array(values.astype(TYPES[to]), tensor.name))
        tensor.doc_string = doc


def _rename_uses(graph, old, new):
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
