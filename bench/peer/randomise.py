"""Random weights that behave like trained ones: no parameter is left constant, and no layer saturates or dies."""
import torch
from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm)

# The statistics of two images of one pixel each, as deep layers see them, would be no statistics at all.
REPEAT = 6


def randomise(model, inputs, passes=2, redraw=None):
    """Draw what an initialiser leaves at 0 or 1, then let the running statistics of BatchNormalization follow `inputs`.

    `inputs` is a tuple of tensors with a batch of at least 2. `redraw` may replace weights
    before the statistics follow them. The model is in eval mode afterwards. Returns what `redraw` does.
    """
    _draw_constants(model)
    _damp_residuals(model)
    told = redraw(model) if redraw is not None else None
    _follow_statistics(model, inputs, passes)
    model.eval()
    return told


def enliven(model, gain=3**0.5):
    """Scale weights up: PyTorch's default initialiser has a third of the variance that keeps signals as large as biases."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)):
                for name, p in module.named_parameters(recurse=False):
                    if name.startswith('weight'):
                        p.mul_(gain)
    return model


def _draw_constants(model):
    norms = {id(p) for m in model.modules() if isinstance(m, NORMS) for p in m.parameters(recurse=False)}
    with torch.no_grad():
        for name, p in model.named_parameters():
            if id(p) in norms:
                p.copy_(torch.rand_like(p) + 0.5 if name.endswith('weight') else torch.randn_like(p) * 0.1)
            elif p.dim() == 1:
                p.add_(torch.randn_like(p) * 0.05)
            elif p.numel() > 1 and float(p.std()) < 1e-3:
                # Zero heads, class tokens and layer scales of 1e-6: a block that contributes nothing hides its errors.
                fan_in = p[0].numel() if p.dim() < 4 else p[0].numel() * max(1, p.shape[0] // 1000)
                p.normal_(0, 0.3 if fan_in < 8 else fan_in**-0.5)
            elif p.dim() == 4 and p.shape[2:].numel() > 0 and not _has_norm(model):
                nn.init.kaiming_normal_(p, nonlinearity='relu')


def _damp_residuals(model):
    """Random weights amplify rounding errors from block to block, a thousandfold over fifty layers; trained ones do not."""
    with torch.no_grad():
        for module in model.modules():
            last = LAST_NORM.get(type(module).__name__)
            if last is not None:
                last(module).weight.mul_(0.4)


LAST_NORM = {
    'BasicBlock': lambda block: block.bn2,
    'Bottleneck': lambda block: block.bn3,
    'ResBottleneckBlock': lambda block: block.f.c[1],
}


def _has_norm(model):
    return any(isinstance(m, NORMS) for m in model.modules())


def _follow_statistics(model, inputs, passes):
    batch_norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not batch_norms:
        return
    momenta = [m.momentum for m in batch_norms]
    dropouts = [m for m in model.modules() if isinstance(m, nn.modules.dropout._DropoutNd)]
    model.train()
    for m in dropouts:
        m.eval()
    for m in batch_norms:
        m.momentum = None  # a plain average over the passes
        m.reset_running_stats()
    with torch.no_grad():
        for _ in range(passes):
            wide = [x.repeat_interleave(REPEAT, 0) for x in inputs]
            model(*[torch.randn_like(x) if x.is_floating_point() else x for x in wide])
    for m, momentum in zip(batch_norms, momenta):
        m.momentum = momentum
        # Constant zeros are what exporters fold away: a real network has seen more than two batches.
        m.running_mean.add_(torch.randn_like(m.running_mean) * 0.05)
        m.running_var.mul_(torch.rand_like(m.running_var) * 0.4 + 0.8)
        # A channel that hardly varies on noise would be blown up, and rounding errors with it.
        m.running_var.add_(0.02 * m.running_var.mean() + 1e-3)
