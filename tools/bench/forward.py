"""Rows of `run.py` about the map conv: the forward pass beside frameworks that can do it too."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from run import in_turn, rows_of

from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading
from catclf.data.loading import Failure, available_cores, load
from catclf.features import feature_map, matrix
from catclf.features.conv import Conv, weights

sys.path.insert(0, str(Path(__file__).parents[1]))

SIZE, BATCH = 224, 32
Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # (N, S, S, 3) -> (N, 1280)


def forward(data: Path) -> list[str]:
    """One picture on one core, and batches on all of them, each framework in its own best way."""
    results = load(
        [e.source for e in open_dataset(data / "photos").split("train")[:BATCH]], _ours()
    )
    pictures = np.stack([r.picture.pixels for r in results if not isinstance(r, Failure)])
    lines = []
    for name, part, cores, rounds in (
        ("one picture, one core", pictures[:1], 1, 15),
        (f"{BATCH} pictures, {available_cores()} cores", pictures, available_cores(), 5),
    ):
        works = {
            "catclf": _catclf(cores),
            "PyTorch eager": _torch(cores),
            "PyTorch eager, channels last": _torch(cores, last=True),
            "ONNX Runtime": _onnx(cores),
            "OpenVINO": _openvino(cores),
        }
        expected = works["catclf"](part)
        remarks = {}
        for peer, work in works.items():
            apart = float(np.abs(work(part) - expected).max())
            remarks[peer] = f"x differs by {apart:.0e}" if peer != "catclf" else ""
        times = in_turn({peer: _bound(work, part) for peer, work in works.items()}, rounds)
        lines += rows_of(f"conv, {name}, {SIZE} x {SIZE}", times, "(0.77; 0.91 batches)", remarks)
    return lines + _from_files(data) + _footprints()


def _from_files(data: Path) -> list[str]:
    """Photos from files to features, beside the forward pass on pictures that are decoded."""
    features = feature_map("conv", _ours())
    sources = [e.source for e in open_dataset(data / "photos").split("train")[::36]]
    results = load(sources, _ours())
    decoded = [r.picture.pixels for r in results if not isinstance(r, Failure)]

    def alone() -> None:
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(features.column, decoded))

    works = {"from files to features": lambda: matrix(features, sources), "forward alone": alone}
    return rows_of(f"{len(sources)} photos", in_turn(works, 3), "(0.85)")


def _ours() -> Loading:
    return Loading(SIZE)


def _bound(work: Forward, part: NDArray[np.uint8]) -> Callable[[], object]:
    return lambda: work(part)


def _catclf(cores: int) -> Forward:
    features = feature_map("conv", _ours())

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with ThreadPoolExecutor(cores) as pool:
            return np.stack(list(pool.map(features.column, pictures))) ** 2

    return run


def _torch(cores: int, last: bool = False) -> Forward:
    import torch
    from network import holding

    network = holding(weights())
    if last:
        network = network.to(memory_format=torch.channels_last)

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch.set_num_threads(cores)
        with torch.inference_mode():
            x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
            x = x.contiguous(memory_format=torch.channels_last) if last else x.contiguous()
            return np.asarray(network(x))

    return run


def _exported() -> str:
    import torch
    from network import holding

    path = Path(tempfile.mkdtemp(prefix="catclf-bench-")) / "conv.onnx"
    torch.onnx.export(
        holding(weights()),
        (torch.zeros(1, 3, SIZE, SIZE),),
        str(path),
        input_names=["pixels"],
        dynamic_axes={"pixels": {0: "n"}},
        dynamo=False,
    )
    return str(path)


def _onnx(cores: int) -> Forward:
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    session = onnxruntime.InferenceSession(_exported(), options, ["CPUExecutionProvider"])

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)
        return np.asarray(session.run(None, {"pixels": x})[0])

    return run


def _openvino(cores: int) -> Forward:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(_exported(), "CPU", settings)

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)
        return np.array(compiled(x)[0])

    return run


def _footprints() -> list[str]:
    """What each takes on the disk and to import."""
    lines = ["| **what a framework costs besides** | import | on the disk | |"]
    packages = {"numpy": "numpy", "torch": "torch", "onnxruntime": "onnxruntime"}
    for module, package in {**packages, "openvino": "openvino"}.items():
        command = [sys.executable, "-c", f"import {module}"]
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))
            taken.append(time.perf_counter() - start)
        files = metadata.files(package) or []
        size = sum(f.size or 0 for f in files) / 2**20
        lines.append(f"| {module} | {1e3 * sorted(taken)[1]:,.0f} ms | {size:,.0f} MiB | |")
    own = Path(sys.modules[Conv.__module__].__file__ or "").with_name("conv.npz")
    lines.append(f"| the weights of conv | | {own.stat().st_size / 2**20:.1f} MiB | |")
    return lines
