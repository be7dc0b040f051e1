"""Write variants of exported models beside them: element types, storage layouts, int8, older and newer opsets.

    python3 bench/peer/export_variants.py DIR [NAME...]

DIR is what export_architectures.py wrote to; a variant whose source is missing there is left out. The manifest gets a line
for each, as export_architectures describes it.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import onnx
import torch
from onnx import TensorProto

import modern_operators
import quantise
import variants
from export_architectures import SEED, read_manifest, write_manifest

HALF, DOUBLE, BFLOAT16 = TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16


def calibration(line):
    torch.manual_seed(SEED)
    return torch.randn(4, *line['inputs'][0]['shape'][1:])


def half(model, line):
    return variants.retype(model, HALF)


def half_inside(model, line):
    return variants.float32_border(variants.retype(model, HALF))


def double(model, line):
    return variants.retype(model, DOUBLE)


def stored(to):
    return lambda model, line: variants.store_weights_as(model, to)


def qdq(signed):
    return lambda model, line: quantise.qdq(model, calibration(line), signed)


def plain(convert):
    return lambda model, line: convert(model)


# name: (source, conversion, element type of the inputs where it changes)
FROM = {
    'resnet18-half': ('resnet18', half, 'float16'),
    'densenet121-half-inside': ('densenet121', half_inside, None),
    'mobilenet_v2-half-inside': ('mobilenet_v2', half_inside, None),
    'vit_b_16-half': ('vit_b_16', half, 'float16'),
    'resnet18-narrow4-half': ('resnet18-narrow4', half, 'float16'),
    'unet-bilinear-half-inside': ('unet-bilinear', half_inside, None),
    'vit-narrow-half-inside': ('vit-narrow', half_inside, None),
    'nested-u-half-inside': ('nested-u', half_inside, None),
    'nested-u-dynamic-int8': ('nested-u', plain(quantise.dynamic), None),
    'gpt-tied-double': ('gpt-tied', double, None),
    'seq2seq-double': ('seq2seq', double, 'float64'),
    'resnet18-narrow4-half-stored': ('resnet18-narrow4', stored(HALF), None),
    'resnet18-narrow4-bfloat16-stored': ('resnet18-narrow4-folded', stored(BFLOAT16), None),
    'resnet18-narrow4-constants': ('resnet18-narrow4', plain(variants.weights_in_constants), None),
    'resnet50-narrow8-opset18': ('resnet50-narrow8', plain(variants.like_newer_exporters), None),
    'vit-narrow-opset18': ('vit-narrow-opset17', plain(variants.like_newer_exporters), None),
    'convnext-narrow-opset18': ('convnext-narrow-opset17', plain(variants.like_newer_exporters), None),
    'resnet18-qdq': ('resnet18-folded', qdq(False), None),
    'resnet18-narrow4-qdq': ('resnet18-narrow4-folded', qdq(False), None),
    'mobilenet_v2-qdq': ('mobilenet_v2-folded-opset13', qdq(True), None),
    'mobilenet_v2-x0.25-qdq': ('mobilenet_v2-x0.25-folded', qdq(True), None),
    'resnet18-dynamic-int8': ('resnet18-folded', plain(quantise.dynamic), None),
    'resnet18-narrow4-dynamic-int8': ('resnet18-narrow4-folded', plain(quantise.dynamic), None),
    'bert-dynamic-int8': ('bert', plain(quantise.dynamic), None),
}
EXTERNAL = {'resnet18-external': 'resnet18', 'resnet18-narrow4-external': 'resnet18-narrow4'}
# ONNX Runtime 1.30 ends the process at its highest level of optimisation: a float16 transformer on a CPU.
CRASHING = {'vit_b_16-half', 'vit-narrow-half-inside'}
ALONE = {
    'qlinear': (quantise.qlinear, 'other', [2, 3, 16, 16]),
    'convnet21': (modern_operators.convnet21, 'cnn', [2, 3, 16, 16]),
    'decoder23': (modern_operators.decoder23, 'transformer', [2, 7, 12]),
    'classic7': (modern_operators.classic7, 'cnn', [2, 3, 16, 16]),
}


def variant(directory, name, lines):
    """Write one variant and return its manifest line, or None where its source is missing."""
    path = os.path.join(directory, name + '.onnx')
    if name in ALONE:
        make, family, shape = ALONE[name]
        model = make()
        line = {'family': family, 'keep': 'written', 'inputs': [{'name': 'input', 'dtype': 'float32', 'shape': shape}]}
        line.update(small=True, outputs=['output'])
        onnx.save(model, path)
    else:
        source, convert, dtype = (EXTERNAL[name], None, None) if name in EXTERNAL else FROM[name]
        if source not in lines:
            return None
        line = dict(lines[source])
        model = onnx.load(os.path.join(directory, line['file']))
        if convert is None:
            variants.save_external(model, path)
        else:
            model = convert(model, line)
            onnx.save(model, path)
        if dtype is not None:
            line['inputs'] = [{**i, 'dtype': dtype if i['dtype'] == 'float32' else i['dtype']} for i in line['inputs']]
        if 'int8' in name or 'qdq' in name:
            line['family'] = 'other'
    if name in CRASHING:
        line['optimization'] = 'extended'
    opset = next(o.version for o in model.opset_import if o.domain == '')
    return {**line, 'name': name, 'file': name + '.onnx', 'opset': opset}


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    directory, *names = arguments
    torch.set_num_threads(1)
    lines = {line['name']: line for line in read_manifest(directory)}
    for name in names or [*FROM, *EXTERNAL, *ALONE]:
        line = variant(directory, name, lines)
        if line is None:
            print(f'{name}: left out, its source is not in {directory}')
        else:
            write_manifest(directory, [line])
            print(name, flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
