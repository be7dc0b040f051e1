"""Networks of our own for patterns that torchvision's do not have: convolutional ones, and small ones with an odd graph."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import weight_norm


def block(channels_in, channels_out, activation=nn.ReLU):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), activation()
    )


class UNet(nn.Module):
    """Skips by concatenation; up by ConvTranspose, or bilinear with a convolution."""

    def __init__(self, transposed, width=8):
        super().__init__()
        w = [width, width * 2, width * 4]
        self.down = nn.ModuleList([block(3, w[0]), block(w[0], w[1]), block(w[1], w[2])])
        if transposed:
            self.up = nn.ModuleList([nn.ConvTranspose2d(w[2], w[1], 2, 2), nn.ConvTranspose2d(w[1], w[0], 2, 2)])
        else:
            scale = lambda: nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False)
            self.up = nn.ModuleList(
                [nn.Sequential(scale(), nn.Conv2d(w[2], w[1], 1)), nn.Sequential(scale(), nn.Conv2d(w[1], w[0], 1))]
            )
        self.merge = nn.ModuleList([block(w[2], w[1]), block(w[1], w[0])])
        self.head = nn.Conv2d(w[0], 2, 1)

    def forward(self, x):
        a = self.down[0](x)
        b = self.down[1](F.max_pool2d(a, 2))
        c = self.down[2](F.max_pool2d(b, 2))
        b = self.merge[0](torch.cat([b, self.up[0](c)], 1))
        a = self.merge[1](torch.cat([self.up[1](b), a], 1))
        return self.head(a)


class Volume(nn.Module):
    """A 3-D convolutional net with transposed convolution."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.LeakyReLU(0.1), nn.MaxPool3d(2))
        self.body = nn.Sequential(nn.Conv3d(8, 16, 3, padding=1, groups=2), nn.BatchNorm3d(16), nn.PReLU(16))
        self.up = nn.ConvTranspose3d(16, 8, 2, stride=2, groups=2)
        self.head = nn.Conv3d(8, 3, 1)

    def forward(self, x):
        return self.head(F.relu(self.up(self.body(self.stem(x)))))


class Signal(nn.Module):
    """A 1-D convolutional net: dilation, stride, a grouped transposed convolution, average pooling."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(2, 16, 7, stride=2, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(3, 2, 1),
            nn.Conv1d(16, 16, 3, padding=2, dilation=2, groups=16), nn.Conv1d(16, 24, 1), nn.BatchNorm1d(24), nn.ReLU6(),
            nn.ConvTranspose1d(24, 12, 4, stride=2, padding=1, groups=3), nn.ELU(), nn.AvgPool1d(2),
        )  # fmt: skip
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.net(x).mean(-1))


class AutoEncoder(nn.Module):
    """GroupNorm down and InstanceNorm (affine) up."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.SiLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(8, 32), nn.SiLU()
        )
        self.up = nn.Sequential(
            nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.InstanceNorm2d(16, affine=True), nn.GELU(), nn.ConvTranspose2d(16, 3, 4, 2, 1)
        )

    def forward(self, x):
        return torch.sigmoid(self.up(self.down(x)))


class WeightNorm(nn.Module):
    """weight_norm, whose export computes its weights inside the graph when constants are not folded."""

    def __init__(self):
        super().__init__()
        self.a = weight_norm(nn.Conv2d(3, 12, 3, padding=1))
        self.b = weight_norm(nn.Conv2d(12, 16, 3, stride=2, padding=1))
        self.c = weight_norm(nn.Linear(16, 10))

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))).mean((2, 3)))


class Activations(nn.Module):
    """One convolution before each of many activations, the results concatenated and mixed; `names` picks some."""

    def __init__(self, names=None):
        super().__init__()
        self.activations = nn.ModuleList(
            [nn.PReLU(8), nn.PReLU(), nn.ELU(0.7), nn.Mish(), nn.SELU(), nn.CELU(0.8), nn.Softplus(), nn.Softsign(), nn.Tanh(),
             nn.Sigmoid(), nn.Hardswish(), nn.Hardsigmoid(), nn.GELU(), nn.SiLU(), nn.LeakyReLU(0.2), nn.ReLU6(), nn.Hardtanh(-0.5, 0.8),
             nn.LogSigmoid(), nn.Tanhshrink(), nn.Hardshrink(0.3), nn.Softshrink(0.3)]
        )  # fmt: skip
        if names is not None:
            self.activations = nn.ModuleList([a for a in self.activations if type(a).__name__ in names])
        self.before = nn.ModuleList([nn.Conv2d(3, 8, 3, padding=1) for _ in self.activations])
        self.after = nn.Conv2d(8 * len(self.activations), 16, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        parts = [activate(conv(x)) for conv, activate in zip(self.before, self.activations)]
        return self.head(torch.tanh(self.after(torch.cat(parts, 1))).mean((2, 3)))


class Shuffle(nn.Module):
    """Grouped convolutions with a channel shuffle spelt out, chunk and split, a residual sum and a depthwise convolution."""

    def __init__(self, width=16, groups=4):
        super().__init__()
        self.groups = groups
        self.stem = block(3, width)
        self.one = nn.Sequential(nn.Conv2d(width, width, 1, groups=groups), nn.BatchNorm2d(width), nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, groups=width), nn.BatchNorm2d(width))
        self.left = block(width // 2, width // 2)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stem(x)
        batch, channels, height, width = x.shape
        y = self.one(x).view(batch, self.groups, channels // self.groups, height, width).transpose(1, 2).reshape(batch, channels, height, width)
        x = F.relu(x + self.two(y))
        a, b = x.chunk(2, 1)
        x = torch.cat([b, self.left(a)], 1)
        return self.head(x.flatten(2).mean(2))


class Gated(nn.Module):
    """Squeeze-and-excitation with views, spatial attention, a gated linear unit, folded normalisation as Mul and Add."""

    def __init__(self, width=16):
        super().__init__()
        self.stem = block(3, width)
        self.reduce, self.expand = nn.Linear(width, width // 4), nn.Linear(width // 4, width)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)
        self.glu = nn.Conv2d(width, width * 2, 1)
        self.gain, self.shift = nn.Parameter(torch.rand(1, width, 1, 1) + 0.5), nn.Parameter(torch.randn(1, width, 1, 1) * 0.1)
        self.head = nn.Linear(width, 10)
        nn.init.normal_(self.head.weight, 0, 2)  # pooled gates hardly vary: without this the bias would be all one sees

    def forward(self, x):
        x = self.stem(x)
        gate = torch.sigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3))))))
        x = x * gate.view(x.shape[0], -1, 1, 1)
        x = x * torch.sigmoid(self.spatial(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)))
        x = F.glu(self.glu(x), 1)
        return self.head(F.relu(x * self.gain + self.shift).mean((2, 3)))


class SuperResolution(nn.Module):
    """Pixel shuffle and unshuffle with a global skip."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 16, 5, padding=2), nn.Conv2d(64, 32, 3, padding=1), nn.Conv2d(32, 48, 3, padding=1)

    def forward(self, x):
        y = F.pixel_unshuffle(F.relu(self.a(x)), 2)
        y = F.pixel_shuffle(self.c(F.leaky_relu(self.b(y), 0.05)), 4)
        return y + F.interpolate(x, scale_factor=2.0, mode='nearest')


class TwoByTwo(nn.Module):
    """Two inputs, two outputs, torch.where, a constant concatenated, values that are outputs and go on."""

    def __init__(self):
        super().__init__()
        self.image, self.vector = block(3, 12), nn.Linear(6, 12)
        self.mix, self.head = nn.Linear(28, 20), nn.Linear(20, 4)
        self.register_buffer('code', torch.linspace(-1, 1, 4)[None])

    def forward(self, image, vector):
        a, b = self.image(image).mean((2, 3)), F.relu(self.vector(vector))
        chosen = torch.where(a > b, a, b * 0.5)
        mixed = F.relu(self.mix(torch.cat([a, chosen, self.code.expand(a.shape[0], -1)], 1)))
        return self.head(mixed), mixed


class Shared(nn.Module):
    """Tied weights: one Linear used twice in a row, one convolution on two branches, one weight and its transpose."""

    def __init__(self):
        super().__init__()
        self.stem, self.twice = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(12, 12, 3, padding=1)
        self.linear, self.code = nn.Linear(12, 12), nn.Linear(12, 8)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(self.twice(x)) + F.relu(self.twice(F.max_pool2d(x, 3, 1, 1)))
        x = x.mean((2, 3))
        x = F.relu(self.linear(F.relu(self.linear(x))))
        return self.head(F.relu(F.linear(F.relu(self.code(x)), self.code.weight.t())))


class Movement(nn.Module):
    """Channels picked, flipped, padded, tiled, stacked and sorted about."""

    def __init__(self):
        super().__init__()
        self.stem, self.next, self.head = block(3, 12), block(18, 8), nn.Linear(64, 10)
        self.register_buffer('order', torch.randperm(12))

    def forward(self, x):
        x = self.stem(x)[:, self.order]
        x = torch.cat([x[:, 2:8], x[:, ::2].flip(3), torch.stack([x[:, 0], x[:, 1]], 1).repeat(1, 3, 1, 1)], 1)
        x = self.next(F.pad(x, (1, 1, 1, 1)))
        x = F.pad(F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), (0, 1, 0, 1), mode='replicate')
        x = F.adaptive_max_pool2d(x, 1).flatten(1)
        top, _ = x.topk(4, 1)
        return self.head(torch.cat([x.unsqueeze(1).expand(-1, 4, -1).reshape(x.shape[0], -1), x.repeat(1, 2), top.repeat(1, 4)], 1))


class Mixer(nn.Module):
    """An MLP-mixer: linear layers on a transposed axis, LayerNorm, GELU, einsum."""

    def __init__(self, patches=16, width=24):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 8, 8)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.tokens = nn.Sequential(nn.Linear(patches, 32), nn.GELU(), nn.Linear(32, patches))
        self.channels = nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width))
        self.mix = nn.Parameter(torch.randn(width, width) * 0.2)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norms[1](x))
        return self.head(torch.einsum('bpc,cd->bpd', self.norms[2](x), self.mix).mean(1))


class NestedU(nn.Module):
    """Segmentation by U-blocks within a U: dilations, resizes to the size of another value, six sides and their fusion."""

    class Block(nn.Module):
        def __init__(self, channels_in, middle, channels_out):
            super().__init__()
            self.enter, self.one = block(channels_in, channels_out), block(channels_out, middle)
            self.two, self.three = block(middle, middle), nn.Sequential(
                nn.Conv2d(middle, middle, 3, padding=2, dilation=2), nn.BatchNorm2d(middle), nn.ReLU()
            )
            self.back_two, self.back_one = block(2 * middle, middle), block(2 * middle, channels_out)

        def forward(self, x):
            x = self.enter(x)
            one = self.one(x)
            two = self.two(F.max_pool2d(one, 2, 2, ceil_mode=True))
            back = self.back_two(torch.cat([self.three(two), two], 1))
            return self.back_one(torch.cat([like(back, one), one], 1)) + x

    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        make = NestedU.Block
        self.down = nn.ModuleList([make(width, 4, width), make(width, 6, 2 * width), make(2 * width, 8, 2 * width)])
        self.up = nn.ModuleList([make(4 * width, 6, width), make(2 * width, 4, width)])
        self.sides = nn.ModuleList([nn.Conv2d(c, 1, 3, padding=1) for c in (width, width, 2 * width)])
        self.fuse = nn.Conv2d(3, 1, 1)

    def forward(self, image):
        a = self.down[0](self.stem(image))
        b = self.down[1](F.max_pool2d(a, 2, 2, ceil_mode=True))
        c = self.down[2](F.max_pool2d(b, 2, 2, ceil_mode=True))
        b = self.up[0](torch.cat([like(c, b), b], 1))
        a = self.up[1](torch.cat([like(b, a), a], 1))
        sides = [like(side(x), image) for side, x in zip(self.sides, (a, b, c))]
        return tuple(torch.sigmoid(x) for x in (self.fuse(torch.cat(sides, 1)), *sides)) + (a,)


def like(x, other):
    return F.interpolate(x, size=other.shape[2:], mode='bilinear', align_corners=False)
