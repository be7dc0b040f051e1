"""What an export needs to know about a network."""
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Sequence, Tuple


@dataclass(frozen=True)
class Entry:
    """One network to export.

    name     the file's name, without .onnx
    family   relu-cnn (only ReLU, linear and max operators), cnn, transformer or other
    build    () -> (module, inputs): a fresh module and a tuple of tensors with a batch of at least 2
    opset    of the standard's domain, 7 to 17
    keep     'norms' exports BatchNormalization as it is, 'folded' lets PyTorch fold it into convolutions (its default)
    dynamic  names of the dynamic axes of each input and output, as torch.onnx.export has them; None for a dynamic batch,
             {} for static shapes
    options  further arguments of torch.onnx.export
    high     for integer inputs: the largest value (exclusive), by input name
    small    runs in a fraction of a second, so that the test suite may run it
    """

    name: str
    family: str
    build: Callable[[], Tuple[Any, tuple]]
    opset: int = 13
    keep: str = 'norms'
    inputs: Sequence[str] = ('input',)
    outputs: Sequence[str] = ('output',)
    dynamic: Any = None
    options: Dict[str, Any] = field(default_factory=dict)
    high: Dict[str, int] = field(default_factory=dict)
    small: bool = False
