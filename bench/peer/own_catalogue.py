"""The networks of image_networks and sequence_networks, all small, with the export options that change their graphs."""
import torch

from entry import Entry
from image_networks import Activations, AutoEncoder, Gated, Mixer, Movement, NestedU, Shared, Shuffle, Signal, SuperResolution
from image_networks import TwoByTwo, UNet, Volume, WeightNorm
from sequence_networks import Bert, Conformer, Crnn, Gpt, Recurrent, Seq2Seq, Speech, Voice
from randomise import enliven
from vision_catalogue import image


def own(name, family, make, shape, opset=13, **more):
    return Entry(name, family, lambda: (enliven(make()), (torch.randn(*shape),)), opset, small=True, **more)


def tokens(high, *shape):
    return torch.randint(0, high, shape)


def bert():
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[1, 6:] = 0
    return Bert(), (tokens(50, 2, 9), mask, tokens(2, 2, 9))


def voice():
    module = enliven(Voice())
    return torch.jit.script(module), (torch.randn(2, 256), torch.tensor(16000), torch.randn(1, 2, 12), torch.randn(1, 2, 12))


def speech():
    module = enliven(Speech())
    return torch.jit.script(module), (torch.randn(6, 2, 16), torch.tensor(16000))


BERT_INPUTS = ('input_ids', 'attention_mask', 'token_type_ids')
BERT_AXES = {name: {0: 'batch', 1: 'time'} for name in (*BERT_INPUTS, 'states')}
TEXT_AXES = {'input_ids': {0: 'batch', 1: 'time'}, 'output': {0: 'batch', 1: 'time'}}
SIDES = ('fused', 'side_a', 'side_b', 'side_c', 'features')
VOICE = ('speech', 'hn', 'cn')
RNN_AXES = {'input': {0: 'batch', 1: 'time'}, 'output': {0: 'batch', 1: 'time'}, 'state': {1: 'batch'}}
RNN = {'outputs': ('output', 'state'), 'dynamic': RNN_AXES}
PLAIN = {'options': {'do_constant_folding': False}}

OLD = {'PReLU', 'ELU', 'SELU', 'Softplus', 'Softsign', 'Tanh', 'Sigmoid', 'GELU', 'SiLU', 'LeakyReLU', 'ReLU6', 'Hardtanh'}

OWN = [
    own('unet-transposed', 'relu-cnn', lambda: UNet(True), (2, 3, 32, 32), dynamic={'input': {0: 'n', 2: 'h', 3: 'w'}}),
    own('unet-bilinear', 'relu-cnn', lambda: UNet(False), (2, 3, 32, 32), 11, keep='folded'),
    own('nested-u', 'cnn', NestedU, (1, 3, 40, 40), 15, keep='folded', outputs=SIDES, dynamic={}),
    own('nested-u-dynamic', 'cnn', NestedU, (1, 3, 40, 40), 11, outputs=SIDES, dynamic={'input': {2: 'height', 3: 'width'}}),
    own('conv3d', 'relu-cnn', Volume, (2, 1, 8, 16, 16)),
    own('conv1d', 'cnn', Signal, (2, 2, 64), 12),
    own('autoencoder-groupnorm', 'cnn', AutoEncoder, (2, 3, 32, 32)),
    own('weightnorm', 'relu-cnn', WeightNorm, (2, 3, 16, 16), keep='folded', **PLAIN),
    own('activations', 'cnn', Activations, (2, 3, 16, 16), 14),
    own('activations-opset9', 'cnn', lambda: Activations(OLD), (2, 3, 16, 16), 9),
    own('channel-shuffle', 'relu-cnn', Shuffle, (2, 3, 16, 16)),
    own('gated', 'cnn', Gated, (2, 3, 16, 16)),
    own('super-resolution', 'relu-cnn', SuperResolution, (2, 3, 16, 16)),
    own('shared-weights', 'relu-cnn', Shared, (2, 3, 16, 16), keep='folded', **PLAIN),
    own('movement', 'cnn', Movement, (2, 3, 16, 16), 16),
    own('mlp-mixer', 'cnn', Mixer, (2, 3, 32, 32), 13),
    Entry('two-inputs', 'relu-cnn', lambda: (enliven(TwoByTwo()), (*image(16), torch.randn(2, 6))), 11, inputs=('image', 'vector'), outputs=('logits', 'mixed'), small=True),
    own('crnn', 'other', Crnn, (2, 1, 32, 64), 11, dynamic={'input': {0: 'batch', 3: 'width'}, 'output': {0: 'time', 1: 'batch'}}),
    own('lstm', 'other', lambda: Recurrent('LSTM'), (2, 7, 10), 13, **RNN),
    own('gru-bidirectional', 'other', lambda: Recurrent('GRU', bidirectional=True, num_layers=2), (2, 7, 10), 14, **RNN),
    own('rnn-relu', 'other', lambda: Recurrent('RNN', nonlinearity='relu'), (2, 7, 10), 9, **RNN),
    Entry('bert', 'transformer', bert, 13, inputs=BERT_INPUTS, outputs=('states', 'pooled'), dynamic=BERT_AXES, high={'input_ids': 50, 'attention_mask': 2, 'token_type_ids': 2}, small=True),
    Entry('bert-folded-opset11', 'transformer', bert, 11, 'folded', inputs=BERT_INPUTS, outputs=('states', 'pooled'), dynamic=BERT_AXES, high={'input_ids': 50, 'attention_mask': 2, 'token_type_ids': 2}, small=True),
    Entry('gpt-tied', 'transformer', lambda: (Gpt(), (tokens(50, 2, 9),)), 13, inputs=('input_ids',), dynamic=TEXT_AXES, high={'input_ids': 50}, small=True),
    Entry('gpt-rms-gated', 'transformer', lambda: (Gpt(rms=True), (tokens(50, 2, 9),)), 17, inputs=('input_ids',), dynamic=TEXT_AXES, high={'input_ids': 50}, small=True),
    own('conformer', 'transformer', Conformer, (2, 1, 24, 16), 14),
    Entry('seq2seq', 'transformer', lambda: (Seq2Seq(), (torch.randn(2, 7, 6), torch.randn(2, 5, 5))), 13, inputs=('source', 'target'), dynamic={'source': {0: 'batch'}, 'target': {0: 'batch'}, 'output': {0: 'batch'}}, small=True),
    Entry('speech-loop', 'other', speech, 13, inputs=('frames', 'rate'), dynamic={'frames': {0: 'time'}}, high={'rate': 16001}, small=True),
    Entry('voice-if', 'other', voice, 14, inputs=('input', 'sr', 'h', 'c'), outputs=VOICE, dynamic={'input': {0: 'batch', 1: 'samples'}}, high={'sr': 16001}, small=True),
]
