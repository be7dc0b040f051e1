"""Torchvision's architectures: at full size, and (`small`) narrow at a small image size but of full depth."""
import inspect

import torch
from torch import nn
from torchvision import models
from torchvision.models import convnext, densenet, maxvit, mnasnet, mobilenetv2, regnet, shufflenetv2, swin_transformer
from torchvision.models import efficientnet, mobilenetv3, vision_transformer

from entry import Entry
from narrow import narrow


def image(size, batch=2):
    return (torch.randn(batch, 3, size, size),)


def full(name, size, **options):
    """A torchvision network as its constructor makes it, without pretrained weights."""

    def build():
        return getattr(models, name)(weights=None, **options), image(size)

    return build


def narrowed(name, size, factor, **options):
    def build():
        with narrow(factor):
            return getattr(models, name)(weights=None, **options), image(size)

    return build


def segmentation(name, size, pick=('out',), **options):
    class Outputs(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = getattr(models.segmentation, name)(weights=None, weights_backbone=None, **options)

        def forward(self, x):
            values = self.net(x)
            return tuple(values[key] for key in pick)

    return lambda: (Outputs(), image(size))


def narrow_segmentation(name, size, factor, **options):
    def build():
        with narrow(factor):
            return segmentation(name, size, **options)()

    return build


def of(make, size):
    return lambda: (make(), image(size))


def narrow_regnet(se_ratio=None):
    params = regnet.BlockParams([1, 2, 7, 12], [16, 24, 48, 96], [8, 8, 8, 8], [1.0] * 4, [2] * 4, se_ratio)
    return lambda: (regnet.RegNet(params, stem_width=16, num_classes=100), image(64))


def narrow_efficientnet():
    config = efficientnet.MBConvConfig
    rows = [(1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3), (6, 5, 1, 80, 112, 3)]
    return efficientnet.EfficientNet([config(*row, width_mult=0.25, depth_mult=1.0) for row in rows], 0.2, num_classes=100)


def narrow_efficientnet_v2():
    mb, fused = efficientnet.MBConvConfig, efficientnet.FusedMBConvConfig
    rows = [fused(1, 3, 1, 8, 8, 2), fused(4, 3, 2, 8, 16, 3), fused(4, 3, 2, 16, 16, 3), mb(4, 3, 2, 16, 32, 4)]
    return efficientnet.EfficientNet(rows + [mb(6, 3, 1, 32, 40, 4)], 0.2, num_classes=100, last_channel=160)


def narrow_mobilenet_v3():
    settings, last = mobilenetv3._mobilenet_v3_conf('mobilenet_v3_small', width_mult=0.5)
    return mobilenetv3.MobileNetV3(settings, last, num_classes=100)


def narrow_convnext():
    block = convnext.CNBlockConfig
    rows = [block(16, 32, 3), block(32, 48, 3), block(48, 64, 4), block(64, None, 2)]
    return convnext.ConvNeXt(rows, num_classes=100)


def narrow_swin(block, merging):
    return swin_transformer.SwinTransformer(
        [4, 4], 24, [2, 2, 2], [2, 4, 6], [4, 4], num_classes=100, block=block, downsample_layer=merging
    )


def narrow_maxvit():
    return maxvit.MaxVit((64, 64), 16, 4, [16, 32, 48], [2, 2, 2], 16, 0.2, num_classes=100)


def narrow_vit():
    return vision_transformer.VisionTransformer(64, 8, 4, 4, 64, 128, num_classes=100)


def without_zeroing():
    """PyTorch 1.13 cannot export Swin v2's in-place zeroing of the key's bias: write it as a concatenation."""
    source = inspect.getsource(swin_transformer.shifted_window_attention)
    old = 'qkv_bias[length : 2 * length].zero_()'
    new = 'qkv_bias = torch.cat([qkv_bias[:length], torch.zeros_like(qkv_bias[:length]), qkv_bias[2 * length :]])'
    if old in source:
        exec(source.replace(old, new), vars(swin_transformer))


without_zeroing()
SWIN_1 = lambda: narrow_swin(swin_transformer.SwinTransformerBlock, swin_transformer.PatchMerging)
SWIN_2 = lambda: narrow_swin(swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2)
PLAIN = {'do_constant_folding': False}

FULL = [
    Entry('resnet18', 'relu-cnn', full('resnet18', 224), 11),
    Entry('resnet18-folded', 'relu-cnn', full('resnet18', 224), 13, 'folded'),
    Entry('resnet34', 'relu-cnn', full('resnet34', 128), 13),
    Entry('resnet50', 'relu-cnn', full('resnet50', 224), 16),
    Entry('resnet50-folded', 'relu-cnn', full('resnet50', 128), 9, 'folded'),
    Entry('wide_resnet50_2', 'relu-cnn', full('wide_resnet50_2', 96), 11),
    Entry('resnext50_32x4d', 'relu-cnn', full('resnext50_32x4d', 128), 13),
    Entry('densenet121', 'relu-cnn', full('densenet121', 128), 13),
    Entry('densenet121-folded', 'relu-cnn', full('densenet121', 128), 17, 'folded'),
    Entry('densenet169', 'relu-cnn', full('densenet169', 96), 9),
    Entry('googlenet', 'relu-cnn', full('googlenet', 128, aux_logits=False, init_weights=False), 11),
    Entry('googlenet-transform', 'relu-cnn', full('googlenet', 128, aux_logits=False, init_weights=False, transform_input=True), 13, 'folded'),
    Entry('inception_v3', 'relu-cnn', full('inception_v3', 160, aux_logits=False, init_weights=False), 13),
    Entry('squeezenet1_0', 'relu-cnn', full('squeezenet1_0', 128), 9),
    Entry('squeezenet1_1', 'relu-cnn', full('squeezenet1_1', 128), 13),
    Entry('shufflenet_v2_x0_5', 'relu-cnn', full('shufflenet_v2_x0_5', 96), 13),
    Entry('shufflenet_v2_x1_0', 'relu-cnn', full('shufflenet_v2_x1_0', 96), 11, 'folded'),
    Entry('regnet_x_400mf', 'relu-cnn', full('regnet_x_400mf', 128), 13),
    Entry('regnet_y_400mf', 'cnn', full('regnet_y_400mf', 128), 13),
    Entry('alexnet', 'relu-cnn', full('alexnet', 224), 11),
    Entry('mobilenet_v2', 'cnn', full('mobilenet_v2', 128), 13),
    Entry('mobilenet_v2-folded', 'cnn', full('mobilenet_v2', 128), 9, 'folded'),
    Entry('mobilenet_v2-folded-opset13', 'cnn', full('mobilenet_v2', 128), 13, 'folded'),
    Entry('mobilenet_v3_small', 'cnn', full('mobilenet_v3_small', 128), 14),
    Entry('mobilenet_v3_large', 'cnn', full('mobilenet_v3_large', 128), 11, 'folded'),
    Entry('efficientnet_b0', 'cnn', full('efficientnet_b0', 128), 13),
    Entry('efficientnet_b0-folded', 'cnn', full('efficientnet_b0', 128), 17, 'folded'),
    Entry('efficientnet_v2_s', 'cnn', full('efficientnet_v2_s', 96), 15),
    Entry('mnasnet1_0', 'relu-cnn', full('mnasnet1_0', 96), 13),
    Entry('convnext_tiny', 'cnn', full('convnext_tiny', 96), 13),
    Entry('convnext_tiny-opset17', 'cnn', full('convnext_tiny', 96), 17),
    Entry('vit_b_16', 'transformer', full('vit_b_16', 224), 13),
    Entry('vit_b_32-opset17', 'transformer', full('vit_b_32', 224), 17),
    Entry('swin_t', 'transformer', full('swin_t', 128), 13),
    Entry('swin_v2_t', 'transformer', full('swin_v2_t', 128), 16),
    Entry('maxvit_t', 'transformer', full('maxvit_t', 224), 13),
    Entry('fcn_resnet50', 'relu-cnn', segmentation('fcn_resnet50', 96), 13),
    Entry('deeplabv3_mobilenet_v3_large', 'cnn', segmentation('deeplabv3_mobilenet_v3_large', 96, aux_loss=True, pick=('out', 'aux')), 13, outputs=('output', 'aux')),
    Entry('lraspp_mobilenet_v3_large', 'cnn', segmentation('lraspp_mobilenet_v3_large', 96), 11),
    Entry('r3d_18', 'relu-cnn', lambda: (models.video.r3d_18(weights=None), (torch.randn(2, 3, 8, 56, 56),)), 13),
    Entry('vgg11', 'relu-cnn', full('vgg11', 224), 11),
    Entry('vgg11_bn', 'relu-cnn', full('vgg11_bn', 224), 13),
    Entry('vgg13', 'relu-cnn', full('vgg13', 224), 13),
    Entry('vgg16', 'relu-cnn', full('vgg16', 224), 9),
    Entry('vgg16_bn', 'relu-cnn', full('vgg16_bn', 224), 13),
]

SMALL = [
    Entry('vgg16_bn-narrow8', 'relu-cnn', narrowed('vgg16_bn', 224, 8), 13, small=True),
    Entry('vgg11-narrow8', 'relu-cnn', narrowed('vgg11', 224, 8), 9, small=True),
    Entry('resnet18-narrow4', 'relu-cnn', narrowed('resnet18', 64, 4), 11, small=True),
    Entry('resnet18-narrow4-folded', 'relu-cnn', narrowed('resnet18', 64, 4), 13, 'folded', small=True),
    Entry('resnet50-narrow8', 'relu-cnn', narrowed('resnet50', 64, 8), 16, small=True),
    Entry('resnet50-narrow8-folded', 'relu-cnn', narrowed('resnet50', 64, 8), 9, 'folded', options=PLAIN, small=True),
    Entry('resnext50-narrow4', 'relu-cnn', narrowed('resnext50_32x4d', 64, 4), 13, small=True),
    Entry('densenet121-narrow4', 'relu-cnn', narrowed('densenet121', 64, 4), 13, small=True),
    Entry('googlenet-narrow4', 'relu-cnn', narrowed('googlenet', 64, 4, aux_logits=False, init_weights=False, transform_input=True), 13, small=True),
    Entry('inception_v3-narrow4', 'relu-cnn', narrowed('inception_v3', 96, 4, aux_logits=False, init_weights=False), 11, small=True),
    Entry('squeezenet1_1-narrow4', 'relu-cnn', narrowed('squeezenet1_1', 64, 4), 9, small=True),
    Entry('shufflenet_v2-narrow', 'relu-cnn', of(lambda: shufflenetv2.ShuffleNetV2([4, 8, 4], [8, 16, 32, 64, 128], 100), 64), 13, small=True),
    Entry('regnet_x-narrow', 'relu-cnn', narrow_regnet(), 13, small=True),
    Entry('regnet_y-narrow', 'cnn', narrow_regnet(0.25), 13, small=True),
    Entry('alexnet-narrow8', 'relu-cnn', narrowed('alexnet', 224, 8), 11, small=True),
    Entry('mobilenet_v2-x0.25', 'cnn', of(lambda: mobilenetv2.MobileNetV2(100, 0.25), 64), 13, small=True),
    Entry('mobilenet_v2-x0.25-folded', 'cnn', of(lambda: mobilenetv2.MobileNetV2(100, 0.25), 64), 13, 'folded', small=True),
    Entry('mobilenet_v3_small-x0.5', 'cnn', of(narrow_mobilenet_v3, 64), 14, small=True),
    Entry('efficientnet_b0-x0.25', 'cnn', of(narrow_efficientnet, 64), 17, small=True),
    Entry('efficientnet_v2-narrow', 'cnn', of(narrow_efficientnet_v2, 64), 15, small=True),
    Entry('mnasnet-x0.35', 'relu-cnn', of(lambda: mnasnet.MNASNet(0.35, 100), 64), 13, 'folded', small=True),
    Entry('convnext-narrow', 'cnn', of(narrow_convnext, 64), 13, small=True),
    Entry('convnext-narrow-opset17', 'cnn', of(narrow_convnext, 64), 17, small=True),
    Entry('vit-narrow', 'transformer', of(narrow_vit, 64), 13, small=True),
    Entry('vit-narrow-opset17', 'transformer', of(narrow_vit, 64), 17, options=PLAIN, small=True),
    Entry('swin-narrow', 'transformer', of(SWIN_1, 64), 13, small=True),
    Entry('swin_v2-narrow', 'transformer', of(SWIN_2, 64), 16, small=True),
    Entry('maxvit-narrow', 'transformer', of(narrow_maxvit, 64), 13, small=True),
    Entry('fcn_resnet50-narrow8', 'relu-cnn', narrow_segmentation('fcn_resnet50', 48, 8), 13, small=True),
    Entry('deeplabv3_mobilenet-narrow4', 'cnn', narrow_segmentation('deeplabv3_mobilenet_v3_large', 64, 4), 13, small=True),
    Entry('lraspp_mobilenet-narrow4', 'cnn', narrow_segmentation('lraspp_mobilenet_v3_large', 64, 4), 11, small=True),
]

VISION = FULL + SMALL
