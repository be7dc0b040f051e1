"""Build a torchvision network with its channels divided by a factor, where its constructor has no such argument."""
from contextlib import contextmanager

from torch import nn


@contextmanager
def narrow(factor):
    """Within the block, every Conv2d, BatchNorm2d and Linear is made with its widths divided by `factor`.

    Widths up to 3 (colour channels) stay, and so do the groups of an ordinary convolution. The depth, and with it the
    graph, stays what it was.
    """

    def width(channels):
        return channels if channels <= 3 else max(1, channels // factor)

    conv, norm, linear = nn.Conv2d.__init__, nn.BatchNorm2d.__init__, nn.Linear.__init__

    def make_conv(self, in_channels, out_channels, *args, groups=1, **options):
        groups = groups if groups == 1 else width(groups)
        conv(self, width(in_channels), width(out_channels), *args, groups=groups, **options)

    def make_norm(self, num_features, *args, **options):
        norm(self, width(num_features), *args, **options)

    def make_linear(self, in_features, out_features, *args, **options):
        linear(self, width(in_features), width(out_features), *args, **options)

    nn.Conv2d.__init__, nn.BatchNorm2d.__init__, nn.Linear.__init__ = make_conv, make_norm, make_linear
    try:
        yield
    finally:
        nn.Conv2d.__init__, nn.BatchNorm2d.__init__, nn.Linear.__init__ = conv, norm, linear
