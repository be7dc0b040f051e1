"""Networks of our own over sequences: recurrent ones, transformers, and control flow."""
import math
from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Crnn(nn.Module):
    """Text recognition: convolutions, a bidirectional LSTM over the width, a log-softmax head for CTC."""

    def __init__(self):
        super().__init__()
        stage = lambda i, o, pool: nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(pool))
        self.conv = nn.Sequential(stage(1, 8, 2), stage(8, 16, 2), stage(16, 24, (4, 1)), stage(24, 32, (2, 1)))
        self.lstm = nn.LSTM(32, 20, num_layers=2, bidirectional=True)
        self.head = nn.Linear(40, 30)

    def forward(self, x):
        x = self.conv(x).squeeze(2).permute(2, 0, 1)
        return F.log_softmax(self.head(self.lstm(x)[0]), 2)


class Recurrent(nn.Module):
    """A linear layer, a recurrent one of the given kind, a head; the final state is an output too."""

    def __init__(self, kind, **options):
        super().__init__()
        self.before = nn.Linear(10, 16)
        self.rnn = getattr(nn, kind)(16, 12, batch_first=True, **options)
        self.head = nn.Linear(24 if options.get('bidirectional') else 12, 6)

    def forward(self, x):
        y, state = self.rnn(F.relu(self.before(x)))
        return self.head(y), state[0] if isinstance(state, tuple) else state


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, self.size).permute(0, 2, 1, 3)

    def forward(self, x, bias):
        scores = self.split(self.q(x)) @ self.split(self.k(x)).transpose(-1, -2) / math.sqrt(self.size) + bias
        y = (F.softmax(scores, -1) @ self.split(self.v(x))).permute(0, 2, 1, 3).contiguous()
        return self.out(y.view(x.shape[0], x.shape[1], -1))


def spelled_gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def tanh_gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3))))


class Bert(nn.Module):
    """An encoder: three embeddings summed, an additive mask from 0/1, post-norm blocks, a tanh pooler, two outputs."""

    def __init__(self, vocabulary=50, width=32, heads=4, layers=2):
        super().__init__()
        self.word, self.place, self.kind = nn.Embedding(vocabulary, width), nn.Embedding(64, width), nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        make = lambda: nn.ModuleDict(
            {'attention': Attention(width, heads), 'one': nn.LayerNorm(width), 'up': nn.Linear(width, 64),
             'down': nn.Linear(64, width), 'two': nn.LayerNorm(width)}
        )  # fmt: skip
        self.layers = nn.ModuleList([make() for _ in range(layers)])
        self.pooler = nn.Linear(width, width)

    def forward(self, input_ids, attention_mask, token_type_ids):
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        x = self.norm(self.word(input_ids) + self.place(positions) + self.kind(token_type_ids))
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer['one'](x + layer['attention'](x, bias))
            x = layer['two'](x + layer['down'](spelled_gelu(layer['up'](x))))
        return x, torch.tanh(self.pooler(x[:, 0]))


class Gpt(nn.Module):
    """A causal decoder: pre-norm blocks, one matrix for q, k and v, tanh GELU, and the head tied to the embedding."""

    def __init__(self, vocabulary=50, width=32, heads=4, layers=2, rms=False):
        super().__init__()
        self.heads, self.rms = heads, rms
        self.word, self.place = nn.Embedding(vocabulary, width), nn.Parameter(torch.randn(64, width) * 0.2)
        make = lambda: nn.ModuleDict(
            {'one': nn.LayerNorm(width), 'qkv': nn.Linear(width, 3 * width), 'out': nn.Linear(width, width),
             'two': nn.LayerNorm(width), 'up': nn.Linear(width, 64), 'gate': nn.Linear(width, 64), 'down': nn.Linear(64, width)}
        )  # fmt: skip
        self.layers, self.norm = nn.ModuleList([make() for _ in range(layers)]), nn.LayerNorm(width)
        self.register_buffer('causal', torch.tril(torch.ones(64, 64, dtype=torch.bool))[None, None])

    def normalise(self, norm, x):
        if not self.rms:
            return norm(x)
        return norm.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    def attend(self, layer, x):
        batch, time, width = x.shape
        q, k, v = (t.view(batch, time, self.heads, -1).transpose(1, 2) for t in layer['qkv'](x).split(width, 2))
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.shape[-1]))
        scores = scores.masked_fill(self.causal[:, :, :time, :time] == 0, float('-inf'))
        return layer['out']((F.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, time, width))

    def forward(self, input_ids):
        x = self.word(input_ids) + self.place[: input_ids.shape[1]]
        for layer in self.layers:
            x = x + self.attend(layer, self.normalise(layer['one'], x))
            y = self.normalise(layer['two'], x)
            y = F.silu(layer['gate'](y)) * layer['up'](y) if self.rms else tanh_gelu(layer['up'](y))
            x = x + layer['down'](y)
        return F.linear(self.normalise(self.norm, x), self.word.weight)


class Conformer(nn.Module):
    """Speech: strided convolutions, then attention between half-step feed-forwards, and a gated depthwise convolution."""

    def __init__(self, width=24):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.project = nn.Linear(8 * 4, width)
        self.feed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 48), nn.SiLU(), nn.Linear(48, width))
        self.norm, self.attention = nn.LayerNorm(width), nn.MultiheadAttention(width, 4, batch_first=True)
        self.widen, self.depth = nn.Conv1d(width, 2 * width, 1), nn.Conv1d(width, width, 5, padding=2, groups=width)
        self.batch_norm, self.point = nn.BatchNorm1d(width), nn.Conv1d(width, width, 1)
        self.head = nn.Linear(width, 20)

    def forward(self, x):
        x = self.stem(x)
        x = self.project(x.permute(0, 2, 1, 3).flatten(2))
        x = x + 0.5 * self.feed(x)
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        y = self.point(F.silu(self.batch_norm(self.depth(F.glu(self.widen(x.transpose(1, 2)), 1)))))
        return self.head(x + y.transpose(1, 2))


class Speech(nn.Module):
    """An LSTM cell stepped in a scripted loop, with a scripted branch on the rate: Loop and If in the export."""

    def __init__(self):
        super().__init__()
        self.wide, self.narrow = nn.Linear(16, 12), nn.Linear(16, 12)
        self.input, self.hidden = nn.Linear(12, 32), nn.Linear(8, 32)
        self.head = nn.Linear(8, 4)

    def forward(self, frames: Tensor, rate: Tensor) -> Tensor:
        if bool(rate > 8000):
            x = torch.relu(self.wide(frames))
        else:
            x = torch.relu(self.narrow(frames)) * 0.5
        h = torch.zeros(x.size(1), 8)
        c = torch.zeros(x.size(1), 8)
        total = torch.zeros(x.size(1), 8)
        for t in range(x.size(0)):
            gates = self.input(x[t]) + self.hidden(h)
            i, f, g, o = torch.split(gates, [8, 8, 8, 8], 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            total = total + h
        return self.head(total)


class Seq2Seq(nn.Module):
    """torch.nn.Transformer: an encoder and a decoder with cross-attention, on real-valued sequences."""

    def __init__(self, width=16):
        super().__init__()
        self.source, self.target = nn.Linear(6, width), nn.Linear(5, width)
        self.net = nn.Transformer(width, 2, 1, 1, 32, 0.0, activation='relu', batch_first=True)
        self.head = nn.Linear(width, 7)

    def forward(self, source, target):
        return self.head(self.net(self.source(source), self.target(target)))


class VoiceBranch(nn.Module):
    """Voice detection at one rate: a convolution with a Fourier basis, magnitudes, strided convolutions, an LSTM with its state."""

    def __init__(self, size: int):
        super().__init__()
        self.size, self.bins = size, size // 2 + 1
        angle = 2 * math.pi * torch.arange(self.bins)[:, None] * torch.arange(size)[None] / size
        self.register_buffer('basis', torch.cat([torch.cos(angle), torch.sin(angle)])[:, None] / size**0.5)
        self.one, self.two = nn.Conv1d(self.bins, 16, 3, padding=1), nn.Conv1d(16, 12, 3, stride=2, padding=1)
        self.lstm, self.head = nn.LSTM(12, 12), nn.Conv1d(12, 1, 1)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        x = F.pad(x.unsqueeze(1), (0, self.size // 2), mode='reflect')
        parts = F.conv1d(x, self.basis, stride=self.size // 2)
        real, imaginary = parts[:, : self.bins], parts[:, self.bins :]
        x = torch.sqrt(real**2 + imaginary**2)
        x = torch.relu(self.two(torch.relu(self.one(x))))
        y, (h, c) = self.lstm(x.permute(2, 0, 1), (h, c))
        return torch.sigmoid(self.head(torch.relu(y.permute(1, 2, 0)))).mean(2), h, c


class Voice(nn.Module):
    """Two VoiceBranch networks, the sampling rate chooses: every weight lies in a branch of an If."""

    def __init__(self):
        super().__init__()
        self.fast, self.slow = VoiceBranch(32), VoiceBranch(16)

    def forward(self, x: Tensor, sr: Tensor, h: Tensor, c: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        if bool(sr == 16000):
            return self.fast(x, h, c)
        else:
            return self.slow(x, h, c)
