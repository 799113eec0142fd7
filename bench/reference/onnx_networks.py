"""Face encoders of the usual architectures, in their full sizes (FULL), narrow (SMALL) and tiny (SEEDS). onnx_models.py exports them.

Each is a function that makes a `torch.nn.Module`. `side` of a module is the side of its input in pixels: N x 3 x side x side, about -1 to 1.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def wide(channels, width):
    return max(8, int(channels * width) // 8 * 8)


class Unit(nn.Sequential):
    """Convolution, batch normalisation and an activation."""

    def __init__(self, a, b, kernel=1, stride=1, groups=1, act=None, pad=None):
        pad = kernel // 2 if pad is None else pad
        layers = [nn.Conv2d(a, b, kernel, stride, pad, groups=groups, bias=False), nn.BatchNorm2d(b)]
        super().__init__(*layers, *([act] if act else []))


class IBlock(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(a), nn.Conv2d(a, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.PReLU(b),
            nn.Conv2d(b, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b),
        )
        self.skip = Unit(a, b, 1, stride) if stride != 1 or a != b else nn.Identity()

    def forward(self, x):
        return self.body(x) + self.skip(x)


class IResNet(nn.Module):
    """The residual network of ArcFace."""

    side = 112

    def __init__(self, depths, width=1.0, dimension=512):
        super().__init__()
        last = wide(64, width)
        layers = [nn.Conv2d(3, last, 3, 1, 1, bias=False), nn.BatchNorm2d(last), nn.PReLU(last)]
        for channels, depth in zip((64, 128, 256, 512), depths):
            channels = wide(channels, width)
            for at in range(depth):
                layers.append(IBlock(last, channels, 2 if at == 0 else 1))
                last = channels
        self.body = nn.Sequential(*layers, nn.BatchNorm2d(last), nn.Dropout(0.4))
        self.fc, self.features = nn.Linear(last * 49, dimension), nn.BatchNorm1d(dimension)

    def forward(self, x):
        return self.features(self.fc(torch.flatten(self.body(x), 1)))


class Inverted(nn.Module):
    """Expansion, depthwise convolution, optional squeeze and excitation, projection."""

    def __init__(self, a, b, stride, inner, act, kernel=3, squeeze=False, residual=True):
        super().__init__()
        self.residual = residual and stride == 1 and a == b
        layers = [Unit(a, inner, act=act(inner)), Unit(inner, inner, kernel, stride, inner, act=act(inner))]
        layers += [Squeeze(inner)] if squeeze else []
        self.body = nn.Sequential(*layers, Unit(inner, b))

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


class Squeeze(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inner = max(8, channels // 4)
        self.down, self.up = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

    def forward(self, x):
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.up(F.relu(self.down(scale))))


class MobileFaceNet(nn.Module):
    side = 112

    def __init__(self, width=1.0, dimension=512):
        super().__init__()
        w = lambda channels: wide(channels, width)
        act = lambda channels: nn.PReLU(channels)
        layers = [Unit(3, w(64), 3, 2, act=act(w(64))), Unit(w(64), w(64), 3, 1, w(64), act=act(w(64)))]
        last = w(64)
        for b, inner, count, stride in ((64, 128, 5, 2), (128, 256, 7, 2), (128, 512, 3, 2)):
            for at in range(count if width >= 1 else 2):
                layers.append(Inverted(last, w(b), stride if at == 0 else 1, w(inner), act))
                last = w(b)
        layers += [Unit(last, w(512), act=act(w(512))), Unit(w(512), w(512), 7, 1, w(512), pad=0)]
        self.body = nn.Sequential(*layers)
        self.fc, self.features = nn.Linear(w(512), dimension, bias=False), nn.BatchNorm1d(dimension)

    def forward(self, x):
        return self.features(self.fc(self.body(x).view(x.size(0), -1)))


class MobileNetV2(nn.Module):
    side = 112

    def __init__(self, width=1.0, dimension=256):
        super().__init__()
        w = lambda channels: wide(channels, width)
        act = lambda channels: nn.ReLU6()
        layers, last = [Unit(3, w(32), 3, 2, act=nn.ReLU6())], w(32)
        for factor, b, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2)):
            for at in range(count if width >= 1 else 1):
                layers.append(Inverted(last, w(b), stride if at == 0 else 1, last * factor, act))
                last = w(b)
        self.body, self.fc = nn.Sequential(*layers, Unit(last, w(1280), act=nn.ReLU6())), nn.Linear(w(1280), dimension)

    def forward(self, x):
        return F.normalize(self.fc(self.body(x).mean([2, 3])))


class MobileNetV3(nn.Module):
    side = 112

    def __init__(self, width=1.0, dimension=256):
        super().__init__()
        w = lambda channels: wide(channels, width)
        layers, last = [Unit(3, w(16), 3, 2, act=nn.Hardswish())], w(16)
        rows = (
            (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1), (5, 96, 40, True, True, 2),
            (5, 240, 40, True, True, 1), (5, 120, 48, True, True, 1), (5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1),
        )
        for kernel, inner, b, squeeze, hard, stride in rows:
            act = (lambda channels: nn.Hardswish()) if hard else (lambda channels: nn.ReLU())
            layers.append(Inverted(last, w(b), stride, w(inner), act, kernel, squeeze))
            last = w(b)
        self.body = nn.Sequential(*layers, Unit(last, w(576), act=nn.Hardswish()))
        self.head = nn.Sequential(nn.Linear(w(576), w(512)), nn.SiLU(), nn.LeakyReLU(0.1), nn.Dropout(0.2), nn.Linear(w(512), dimension))

    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.body(x), 1).squeeze(-1).squeeze(-1))


class Ghost(nn.Module):
    def __init__(self, a, b, relu=True):
        super().__init__()
        half = math.ceil(b / 2)
        self.b = b
        self.primary = Unit(a, half, act=nn.ReLU() if relu else None)
        self.cheap = Unit(half, half, 3, 1, half, act=nn.ReLU() if relu else None)

    def forward(self, x):
        x = self.primary(x)
        return torch.cat([x, self.cheap(x)], 1)[:, : self.b]


class GhostBlock(nn.Module):
    def __init__(self, a, inner, b, kernel, stride, squeeze):
        super().__init__()
        layers = [Ghost(a, inner)]
        layers += [Unit(inner, inner, kernel, stride, inner)] if stride > 1 else []
        layers += [Squeeze(inner)] if squeeze else []
        self.body = nn.Sequential(*layers, Ghost(inner, b, False))
        same = stride == 1 and a == b
        self.skip = nn.Identity() if same else nn.Sequential(Unit(a, a, kernel, stride, a), Unit(a, b))

    def forward(self, x):
        return self.body(x) + self.skip(x)


class GhostNet(nn.Module):
    side = 112

    def __init__(self, width=1.0, dimension=512):
        super().__init__()
        w = lambda channels: wide(channels, width)
        layers, last = [Unit(3, w(16), 3, 2, act=nn.PReLU())], w(16)
        rows = (
            (3, 16, 16, 0, 1), (3, 48, 24, 0, 2), (3, 72, 24, 0, 1), (5, 72, 40, 1, 2), (5, 120, 40, 1, 1), (3, 240, 80, 0, 2),
            (3, 200, 80, 0, 1), (3, 480, 112, 1, 1), (5, 672, 160, 1, 2), (5, 960, 160, 1, 1),
        )
        for kernel, inner, b, squeeze, stride in rows:
            layers.append(GhostBlock(last, w(inner), w(b), kernel, stride, squeeze))
            last = w(b)
        self.body = nn.Sequential(*layers, Unit(last, w(512), act=nn.PReLU()))
        self.pool = nn.Conv2d(w(512), w(512), 4, groups=w(512), bias=False)
        self.fc = nn.Conv2d(w(512), dimension, 1)

    def forward(self, x):
        return self.fc(self.pool(self.body(x))).flatten(1)


class Branches(nn.Module):
    """Parallel paths; with `project` their joined result is scaled and added to the input."""

    def __init__(self, paths, channels=None, inner=None, scale=1.0, relu=True):
        super().__init__()
        self.paths = nn.ModuleList(paths)
        self.project = nn.Conv2d(inner, channels, 1) if inner else None
        self.scale, self.relu = scale, relu

    def forward(self, x):
        joined = torch.cat([path(x) for path in self.paths], 1)
        if self.project is None:
            return joined
        x = x + self.project(joined) * self.scale
        return F.relu(x) if self.relu else x


class InceptionResNetV1(nn.Module):
    """The network of FaceNet's successors."""

    side = 160

    def __init__(self, width=1.0, dimension=512, small=False):
        super().__init__()
        w = lambda channels: wide(channels, width)
        unit = lambda a, b, kernel=1, stride=1, pad=0: nn.Sequential(
            nn.Conv2d(a, b, kernel, stride, pad, bias=False), nn.BatchNorm2d(b, eps=1e-3), nn.ReLU()
        )
        s = nn.Sequential
        a, b, c, d, e = w(32), w(192), w(256), w(384), w(128)

        def block35():
            return Branches([unit(c, a), s(unit(c, a), unit(a, a, 3, 1, 1)), s(unit(c, a), unit(a, a, 3, 1, 1), unit(a, a, 3, 1, 1))], c, 3 * a, 0.17)

        mid = w(896)
        low = w(1792)
        f = mid - d - c  # the rest of the joined channels is the pooled input
        self.stem = s(
            unit(3, a, 3, 2), unit(a, a, 3), unit(a, w(64), 3, 1, 1), nn.MaxPool2d(3, 2), unit(w(64), w(80)), unit(w(80), b, 3), unit(b, c, 3, 2)
        )
        self.a = s(*[block35() for _ in range(1 if small else 5)])
        self.down_a = Branches([unit(c, d, 3, 2), s(unit(c, b), unit(b, b, 3, 1, 1), unit(b, mid - d - c, 3, 2)), nn.MaxPool2d(3, 2)])

        def block17():
            return Branches([unit(mid, e), s(unit(mid, e), unit(e, e, (1, 7), 1, (0, 3)), unit(e, e, (7, 1), 1, (3, 0)))], mid, 2 * e, 0.10)

        self.b = s(*[block17() for _ in range(1 if small else 10)])
        g = (low - mid) // 3 // 8 * 8
        self.down_b = Branches([
            s(unit(mid, c), unit(c, low - mid - 2 * g, 3, 2)), s(unit(mid, c), unit(c, g, 3, 2)),
            s(unit(mid, c), unit(c, c, 3, 1, 1), unit(c, g, 3, 2)), nn.MaxPool2d(3, 2),
        ])

        def block8(relu=True, scale=0.2):
            return Branches([unit(low, b), s(unit(low, b), unit(b, b, (1, 3), 1, (0, 1)), unit(b, b, (3, 1), 1, (1, 0)))], low, 2 * b, scale, relu)

        self.c = s(*[block8() for _ in range(1 if small else 5)], block8(False, 1.0))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.last, self.norm = nn.Linear(low, dimension, bias=False), nn.BatchNorm1d(dimension, eps=1e-3)

    def forward(self, x):
        x = self.c(self.down_b(self.b(self.down_a(self.a(self.stem(x))))))
        return F.normalize(self.norm(self.last(self.pool(x).view(x.shape[0], -1))), p=2.0, dim=1)


class Attention(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            x = F.scaled_dot_product_attention(q, k, v)
        else:
            x = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1) @ v
        return self.out(x.transpose(1, 2).reshape(n, t, c))


class Layer(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, fused)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class ViT(nn.Module):
    """A small vision transformer with a class token."""

    side = 112

    def __init__(self, width=256, depth=6, heads=8, dimension=512, fused=False):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, 50, width))
        self.layers = nn.Sequential(*[Layer(width, heads, fused) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, dimension)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.norm(self.layers(x))[:, 0])


class TinyConvolutions(nn.Module):
    side = 112

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.PReLU(4), nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(4, 4, 3, 2, 1, groups=4), nn.Hardswish(), Squeeze(4), nn.BatchNorm2d(4), nn.AvgPool2d(2), nn.ReLU6(),
        )
        self.head = nn.Linear(36, 8)

    def forward(self, x):
        return F.normalize(self.head(self.body(x).view(x.size(0), -1)))


class TinyTransformer(nn.Module):
    side = 112

    def __init__(self):
        super().__init__()
        self.pool, self.patch = nn.AvgPool2d(14), nn.Conv2d(3, 8, 2, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.layer, self.head = Layer(8, 2, False), nn.Linear(8, 8)

    def forward(self, x):
        x = self.patch(self.pool(x)).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        return self.head(self.layer(x)[:, 0])


FULL = {
    "iresnet18": lambda: IResNet((2, 2, 2, 2)),
    "iresnet50": lambda: IResNet((3, 4, 14, 3)),
    "iresnet100": lambda: IResNet((3, 13, 30, 3)),
    "mobilefacenet": MobileFaceNet,
    "mobilenetv2": MobileNetV2,
    "mobilenetv3": MobileNetV3,
    "ghostnet": GhostNet,
    "inception-resnet-v1": InceptionResNetV1,
    "vit": ViT,
    "vit-fused": lambda: ViT(fused=True),
}
SMALL = {
    "iresnet18": lambda: IResNet((1, 1, 1, 1), 1 / 32, 32),
    "mobilefacenet": lambda: MobileFaceNet(1 / 8, 32),
    "mobilenetv2": lambda: MobileNetV2(1 / 8, 32),
    "mobilenetv3": lambda: MobileNetV3(1 / 8, 32),
    "ghostnet": lambda: GhostNet(1 / 8, 32),
    "inception-resnet-v1": lambda: InceptionResNetV1(1 / 16, 32, small=True),
    "vit": lambda: ViT(24, 2, 3, 32),
    "vit-fused": lambda: ViT(24, 2, 3, 32, fused=True),
}
SEEDS = {"convolutions": TinyConvolutions, "transformer": TinyTransformer}
