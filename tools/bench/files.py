"""Rows of `run.py` about files: reading photos into X, and predicting thousands."""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from run import in_turn, rows_of

from catclf.data.dataset import File
from catclf.data.decode import Loading
from catclf.data.loading import available_cores, load
from catclf.features import feature_map, matrix

SIZE = 64
LARGE, SMALL, MANY = 200, 5_000, 10_000
SAMPLES = Path(__file__).resolve().parents[2] / "sample_images/photos"
Row = NDArray[np.uint8]


def reading(data: Path) -> list[str]:
    """200 photos of 7 megapixels, and 5,000 small ones, into X."""
    with tempfile.TemporaryDirectory() as folder:
        large = _enlarged(Path(folder))
        lines = rows_of("read 200 photos of 7 megapixels", _compared(large, 1), "(8 x Pillow)")
    small = sorted((data / "photos/train").rglob("*.jpg"))[:SMALL]
    if not small:
        raise FileNotFoundError("no photos/train in the data folder")
    return lines + rows_of("read 5,000 small photos", _compared(small, 3), "(1.5 x one core)")


def _enlarged(folder: Path) -> list[Path]:
    """The sample photos at 3,072 x 2,304, with noise so that they are as large as a camera's."""
    random = np.random.default_rng(0)
    paths = []
    originals = sorted(SAMPLES.glob("*.jpg"))
    made = []
    for path in originals:
        picture = Image.open(path).convert("RGB").resize((3072, 2304), Image.Resampling.BICUBIC)
        noisy = np.asarray(picture, np.int16) + random.integers(-6, 7, (2304, 3072, 1))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        made.append(buffer.getvalue())
    for number in range(LARGE):
        paths.append(folder / f"{number:03}.jpg")
        paths[-1].write_bytes(made[number % len(made)])
    return paths


def _compared(paths: list[Path], rounds: int) -> dict[str, float]:
    loading = Loading(SIZE)

    def ours() -> None:
        sources = [File(path) for path in paths]
        matrix(feature_map("pixels", loading), sources)

    def each(one: Callable[[Path], Row], threads: int) -> Callable[[], None]:
        def work() -> None:
            X = np.empty((len(paths), SIZE * SIZE * 3), np.float32)
            if threads == 1:
                for i, path in enumerate(paths):
                    X[i] = one(path).reshape(-1) / np.float32(255)
                return
            with ThreadPoolExecutor(threads) as pool:
                for i, row in enumerate(pool.map(one, paths)):
                    X[i] = row.reshape(-1) / np.float32(255)

        return work

    cores = available_cores()
    works = {
        f"catclf, {cores} cores": ours,
        "Pillow, full decode, one core": each(_pillow, 1),
        f"Pillow, full decode, {cores} cores": each(_pillow, cores),
    }
    try:
        import cv2
        import simplejpeg
    except ImportError:
        return in_turn(works, rounds)

    def opencv(path: Path) -> Row:
        cv2.setNumThreads(1)
        picture = cv2.imread(str(path))
        side = min(picture.shape[:2])
        top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
        square = picture[top : top + side, left : left + side]
        return np.asarray(cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_AREA))

    def simple(path: Path) -> Row:
        picture = simplejpeg.decode_jpeg(path.read_bytes(), min_height=SIZE, min_width=SIZE)
        return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA))

    works |= {
        "OpenCV imread and resize, one core": each(opencv, 1),
        f"OpenCV imread and resize, {cores} cores": each(opencv, cores),
        "simplejpeg and resize, one core": each(simple, 1),
        f"simplejpeg and resize, {cores} cores": each(simple, cores),
    }
    return in_turn(works, rounds)


def _pillow(path: Path) -> Row:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    side = min(picture.size)
    left, top = (picture.size[0] - side) / 2, (picture.size[1] - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box))


def predict(data: Path) -> list[str]:
    """`catclf predict` over 10,000 photos, beside decoding them alone on all cores."""
    photos = sorted((data / "photos/train").rglob("*.jpg"))[:MANY]
    if not photos:
        raise FileNotFoundError("no photos/train in the data folder")
    cores = available_cores()
    with tempfile.TemporaryDirectory() as folder:
        names, model = Path(folder, "names"), Path(folder, "model.npz")
        names.write_text("\n".join(str(path) for path in photos))
        catclf = [sys.executable, "-m", "catclf"]
        drawn = str(SAMPLES.parent / "drawn")
        train = [*catclf, "train", drawn, "-o", str(model), "-q", "--features", "pixels"]
        subprocess.run(train, check=True)
        command = [*catclf, "predict", "--files-from", str(names), "-m", str(model), "-q", "--csv"]

        def decode_all() -> None:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(lambda path: Image.open(path).load(), photos))

        def read_all() -> None:
            loading = Loading(SIZE)
            for _ in load([File(path) for path in photos], loading):
                pass

        works: dict[str, Callable[[], object]] = {
            "catclf predict, whole process": lambda: subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL
            ),
            f"Pillow decode alone, {cores} cores": decode_all,
            f"read, decode, resize, hash alone, {cores} cores": read_all,
        }
        return rows_of("predict 10,000 photos", in_turn(works, 3), "(0.75)")
