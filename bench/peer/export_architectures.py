"""Export PyTorch networks to ONNX, as a corpus to try teleportation on.

    python3 bench/peer/export_architectures.py OUT_DIR [NAME...]
    python3 bench/peer/export_architectures.py OUT_DIR --small     (those that the test suite's skeletons are made of)

Weights are drawn with a fixed seed, running statistics are made non-trivial, the network is in eval mode, and the batch axis
is dynamic unless the network forbids it. A manifest.json in OUT_DIR says of each file its family, opset and inputs:

    [{ name, file, family, opset, keep, small, parameters, inputs: [{ name, dtype, shape, high? }], outputs: [name] }]

Needs torch and torchvision (tried with 1.13 and 0.14) and onnx, from Debian's packages.
"""
import json
import os
import sys
import time
import traceback
import warnings

import onnx
import torch

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from draw import annotate, redraw
from own_catalogue import OWN
from randomise import randomise
from vision_catalogue import VISION

SEED = 20260101


def export(entry, directory):
    """Write `entry` as an .onnx file and return its line of the manifest."""
    torch.manual_seed(SEED)
    module, inputs = entry.build()
    scripted = isinstance(module, torch.jit.ScriptModule)
    known = None
    if not scripted:
        known = randomise(module, inputs, redraw=redraw if entry.small else None)
    module.eval()
    file = os.path.join(directory, entry.name + '.onnx')
    dynamic = entry.dynamic
    if dynamic is None:
        dynamic = {name: {0: 'batch'} for name in (*entry.inputs, *entry.outputs)}
    training = torch.onnx.TrainingMode.PRESERVE if entry.keep == 'norms' else torch.onnx.TrainingMode.EVAL
    options = {'do_constant_folding': entry.keep == 'folded', **entry.options}
    torch.onnx.export(
        module,
        inputs,
        file,
        opset_version=entry.opset,
        training=training,
        input_names=list(entry.inputs),
        output_names=list(entry.outputs),
        dynamic_axes=dynamic,
        **options,
    )
    if known:
        model = onnx.load(file)
        annotate(model, known)
        onnx.save(model, file)
    described = []
    for name, value in zip(entry.inputs, inputs):
        line = {'name': name, 'dtype': str(value.dtype).replace('torch.', ''), 'shape': list(value.shape)}
        if name in entry.high:
            line['high'] = entry.high[name]
        described.append(line)
    return {
        'name': entry.name,
        'file': os.path.basename(file),
        'family': entry.family,
        'opset': entry.opset,
        'keep': entry.keep,
        'small': entry.small,
        'parameters': sum(p.numel() for p in module.parameters()),
        'inputs': described,
        'outputs': list(entry.outputs),
    }


def read_manifest(directory):
    path = os.path.join(directory, 'manifest.json')
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return json.load(file)


def write_manifest(directory, lines):
    """Merge `lines` into the manifest by name: others may have added theirs meanwhile."""
    merged = {line['name']: line for line in read_manifest(directory)}
    merged.update({line['name']: line for line in lines})
    path = os.path.join(directory, 'manifest.json')
    with open(path + '.part', 'w') as file:
        json.dump(list(merged.values()), file, indent=1)
    os.replace(path + '.part', path)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    directory, *names = arguments
    os.makedirs(directory, exist_ok=True)
    torch.set_num_threads(1)
    warnings.filterwarnings('ignore')
    entries = VISION + OWN
    if names == ['--small']:
        entries = [entry for entry in entries if entry.small]
    elif names:
        unknown = set(names) - {entry.name for entry in entries}
        if unknown:
            sys.exit(f'unknown: {", ".join(sorted(unknown))}; known: {", ".join(entry.name for entry in entries)}')
        entries = [entry for entry in entries if entry.name in names]
    failed = []
    for entry in entries:
        start = time.time()
        try:
            write_manifest(directory, [export(entry, directory)])
            print(f'{entry.name}: {time.time() - start:.1f} s', flush=True)
        except Exception as error:  # one network that does not export must not stop the others
            failed.append(entry.name)
            reason = str(error).strip() or type(error).__name__
            print(f'{entry.name}: FAILED: {reason.splitlines()[0]}', flush=True)
            if os.environ.get('DEBUG'):
                traceback.print_exc()
    if failed:
        sys.exit(f'{len(failed)} of {len(entries)} failed: {", ".join(failed)}')


if __name__ == '__main__':
    main(sys.argv[1:])
