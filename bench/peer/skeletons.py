"""Turn exported models into skeletons for the test suite: the graph whole, large weights replaced by their statistics.

    python3 bench/peer/skeletons.py DIR test/architectures

DIR is what `export_architectures.py --small` and `export_variants.py` wrote to. For each small model of its manifest this
writes NAME.onnx.gz, and an index.json with the manifest's lines. test/support/skeleton.ts draws the weights again.

A tensor without data carries {"mean", "std", "min", "max", "seed"} as JSON in its doc_string. What decides whether a network computes
sensibly is kept, as biases and running statistics are, rounded to 8 significant bits so that it packs well; and so is what has
structure: integers, masks, tables of few values.
"""
import gzip
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from draw import SMALLEST, facts_of

DRAWN = {TensorProto.FLOAT: 4, TensorProto.DOUBLE: 8, TensorProto.FLOAT16: 2, TensorProto.BFLOAT16: 2, TensorProto.INT8: 1, TensorProto.UINT8: 1}
VECTOR = 4096
FEW = 16
# The same graph as another's, with other weights or in another layout: the corpus has them, the suite need not.
LEFT_OUT = {'resnet18-narrow4-external', 'bert-folded-opset11'}


def values_of(tensor):
    if tensor.data_type == TensorProto.BFLOAT16:
        return (np.frombuffer(tensor.raw_data, '<u2').astype(np.uint32) << 16).view(np.float32)
    return numpy_helper.to_array(tensor)


def strip(tensor, place):
    """Replace the data by its statistics, or round it, or leave it. Returns the number of elements that were dropped."""
    size = int(np.prod(tensor.dims))
    if tensor.data_type not in DRAWN or size <= SMALLEST and len(tensor.dims) > 1:
        return 0
    values = values_of(tensor)
    if len(tensor.dims) <= 1 and size <= VECTOR:
        if tensor.data_type == TensorProto.FLOAT and size > FEW:
            tensor.CopyFrom(numpy_helper.from_array(rounded(values), tensor.name))
        return 0
    shape, name, dtype, facts = list(tensor.dims), tensor.name, tensor.data_type, tensor.doc_string
    wide = values.astype(np.float64)
    if not np.isfinite(wide).all() or len(np.unique(wide[: 1 << 16])) <= FEW and tensor.data_type not in (TensorProto.INT8, TensorProto.UINT8):
        return 0
    # What was drawn by this generator says so in its doc_string, and is drawn again exactly as it was.
    facts = facts or json.dumps(facts_of(wide, f'{name} {place}'))
    tensor.CopyFrom(TensorProto(name=name, data_type=dtype, dims=shape, doc_string=facts))
    return size


def rounded(values):
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x8000) & np.uint32(0xFFFF0000)).view(np.float32).reshape(values.shape)


def strip_graph(graph, place='graph'):
    """All tensors of a graph and its subgraphs."""
    dropped = sum(strip(tensor, place) for tensor in graph.initializer)
    for node in graph.node:
        node.doc_string = ''
        for attribute in node.attribute:
            if attribute.HasField('t'):
                dropped += strip(attribute.t, node.output[0])
            if attribute.HasField('g'):
                dropped += strip_graph(attribute.g, f'{place} {node.output[0]} {attribute.name}')
            dropped += sum(strip_graph(inner, f'{place} {k}') for k, inner in enumerate(attribute.graphs))
    return dropped


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    source, target = arguments
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(source, 'manifest.json')) as file:
        lines = json.load(file)
    index, total = [], 0
    for line in sorted(lines, key=lambda line: line['name']):
        if not line['small'] or line['name'] in LEFT_OUT:
            continue
        model = onnx.load(os.path.join(source, line['file']))
        dropped = strip_graph(model.graph)
        path = os.path.join(target, line['name'] + '.onnx.gz')
        with open(path, 'wb') as file:
            file.write(gzip.compress(model.SerializeToString(), 9, mtime=0))
        total += os.path.getsize(path)
        print(f'{line["name"]}: {os.path.getsize(path)} bytes, {dropped} elements to draw')
        index.append({key: value for key, value in line.items() if key not in ('small', 'file')})
    with open(os.path.join(target, 'index.json'), 'w') as file:
        file.write('[\n' + ',\n'.join('  ' + json.dumps(line) for line in index) + '\n]\n')
    print(f'{len(index)} skeletons, {total} bytes')


if __name__ == '__main__':
    main(sys.argv[1:])
