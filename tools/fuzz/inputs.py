"""Files to be tried: real ones, changed by chance, and made-up ones by hypothesis."""

import io
import os
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from catclf import Model
from catclf.data.decode import Loading
from catclf.model import Record
from catclf.modelfile import HASH_KEYS

ROOT = Path(__file__).resolve().parents[2]
MAX_SEED_BYTES = 60_000  # of a real file
ODD_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def real(kind: str) -> list[bytes]:
    """Small files of a kind, as the program or others write them."""
    return _REAL[kind]()


def changed(kind: str, data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """The file after some accidents. In zips they happen to members, else the checksum tells."""
    if kind in ("zip", "npz", "model") and chance.random() < 0.7:
        return _with_member(data, lambda member: _damaged(member, [member], chance), chance)
    return _damaged(data, others, chance)


def _damaged(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    result = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(result) + 1)
        if chance.random() < 0.5:
            place = min(place, chance.randrange(600))  # most of the meaning is at the beginning
        length = chance.choice((1, 2, 4, 8, 64))
        match chance.randrange(7):
            case 0:
                result[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                order = chance.choice("<>")
                number = struct.pack(f"{order}I", chance.choice(ODD_NUMBERS))
                result[place : place + 4] = number
            case 2:
                result[place : place + length] = b""
            case 3:
                result[place:place] = result[place : place + length] * chance.randrange(4)
            case 4:
                result[place : place + length] = chance.randbytes(length)
            case 5:
                other = chance.choice(others)
                start = chance.randrange(len(other) + 1)
                result[place : place + length] = other[start : start + length]
            case 6 if chance.random() < 0.3:
                del result[place:]
    return bytes(result)


def _with_member(data: bytes, change: Callable[[bytes], bytes], chance: random.Random) -> bytes:
    """The zip with one member changed, its checksum right again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # is damaged already
        return data
    if not members:
        return data
    chosen = chance.randrange(len(members))
    members[chosen] = (members[chosen][0], change(members[chosen][1]))
    return zipped(members)


def zipped(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these names and bytes."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


# Real files


def _images() -> list[bytes]:
    image = Image.linear_gradient("L").resize((40, 24)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    found = [
        _encoded(image.convert(mode), format_name, exif=exif)
        for format_name, modes in {
            "JPEG": ("RGB", "L", "CMYK"),
            "PNG": ("RGB", "L", "1", "P", "RGBA", "LA", "I;16"),
            "TIFF": ("RGB", "L", "1", "CMYK", "RGBA", "F", "I;16"),
            "WEBP": ("RGB", "RGBA"),
            "GIF": ("P",),
            "BMP": ("RGB", "P", "1"),
            "PPM": ("RGB", "L", "1"),
            "ICO": ("RGBA",),
            "AVIF": ("RGB",),
            "JPEG2000": ("RGB", "L"),
        }.items()
        for mode in modes
    ]
    for packed in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        found.append(_encoded(image, "TIFF", compression=packed))
    found.append(_encoded(image.convert("1"), "TIFF", compression="group4"))
    found.append(_encoded(image, "JPEG", progressive=True))
    data = os.environ.get("CATCLF_DATA")
    if data:
        folders = (Path(data).parent / "corpora", Path(data) / "messy")
        found += [
            path.read_bytes()
            for folder in folders
            for path in sorted(folder.rglob("*"))
            if path.is_file() and 0 < path.stat().st_size < MAX_SEED_BYTES
        ]
    return found


def _encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    if format_name in ("GIF", "BMP", "PPM", "ICO", "JPEG2000"):
        options.pop("exif", None)
    image.save(file, format_name, **options)
    return file.getvalue()


def _written(write: Callable[[Path], object]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        write(path)
        return path.read_bytes()


def _models() -> list[bytes]:
    chance = np.random.default_rng(0)
    record = Record(
        "default", 3, "/home/me", "f" * 64, "nothing", 5, 0.8, 1.0, None, 50, "converged", (0, 50),
        (0.69, 0.1), (), (), "nothing", 0, 1.0, 0.0, False, (), 0, 0.2, {"numpy": "2"}, "2025",
    )  # fmt: skip
    model = Model(
        w=chance.normal(size=(48, 1)),
        b=-0.25,
        features="pixels",
        features_sha256="",
        loading=Loading(4),
        class_names=("dog", "cat"),
        threshold=0.5,
        prior=0.5,
        unsure_level=0.8,
        familiarity=None,
        record=record,
        **{key: chance.integers(0, 256, (3, 32), np.uint8) for key in HASH_KEYS},
    )
    return [_written(model.save)]


_PICTURES = np.random.default_rng(1).integers(0, 256, (4, 6, 6, 3), np.uint8)
_LABELS = np.array([0, 1, 0, 1])


def _npz() -> list[bytes]:
    found = []
    for names in (("images", "labels"), ("x_train", "y_train")):
        for y in (_LABELS, np.array(["cat", "dog", "cat", "dog"])):
            file = io.BytesIO()
            members: dict[str, Any] = dict(zip(names, (_PICTURES, y), strict=True))
            np.savez(file, **members)
            found.append(file.getvalue())
    return found


def _hdf5() -> list[bytes]:
    def write(path: Path, **how: Any) -> None:
        with h5py.File(path, "w", **how.pop("file", {})) as file:
            file.create_dataset("train_set_x", data=_PICTURES, **how)
            file["train_set_y"] = _LABELS[None]
            file["list_classes"] = np.array([b"non-cat", b"cat"])

    ways: tuple[dict[str, Any], ...] = (
        {},
        {"compression": "gzip", "chunks": (2, 6, 6, 3), "shuffle": True, "fletcher32": True},
        {"compression": "lzf"},
        {"file": {"libver": "latest"}, "chunks": (1, 6, 6, 3), "maxshape": (None, 6, 6, 3)},
    )
    return [_written(partial(write, **way)) for way in ways]


def _zips() -> list[bytes]:
    png = _encoded(Image.new("RGB", (5, 5)), "PNG")
    members = [("cat/1.png", png), ("dog/2.png", png), ("dog/notes", b"text"), ("cat/3", png)]
    nested = [("cat/1.png", png), ("dog/1.png", png), ("in.zip", zipped(members))]
    return [zipped(members), zipped(members, zipfile.ZIP_DEFLATED), zipped(nested)]


def _manifests() -> list[bytes]:
    return [
        b"path,label\na.jpg,cat\nb.jpg,dog\n",
        b'path\tlabel\tsplit\n"a b.jpg"\t1\ttrain\nb.jpg\t0\ttest\n',
        "image;class;source\nä.jpg;cat;web\n🐱.jpg;non-cat;\n".encode(),
        b"\xef\xbb\xbffile,y\r\n\xe4.jpg,1\r\n/dev/zero,0\r\n",
    ]


_REAL: dict[str, Callable[[], list[bytes]]] = {
    "image": _images,
    "model": _models,
    "npz": _npz,
    "hdf5": _hdf5,
    "zip": _zips,
    "manifest": _manifests,
}

# Made-up files

_numbers = st.sampled_from(ODD_NUMBERS) | st.integers(0, 64) | st.integers(0, 2**32 - 1)
_bytes = st.binary(max_size=200) | st.builds(bytes, st.integers(0, 100_000))


def made_up(kind: str) -> st.SearchStrategy[bytes]:
    """Files of a kind that keep to its form and to little else."""
    return _MADE_UP[kind]()


def _png(draw: st.DrawFn) -> bytes:
    small = st.integers(0, 40) | _numbers
    depth, colour = draw(st.sampled_from((1, 2, 4, 8, 16))), draw(st.sampled_from((0, 2, 3, 4, 6)))
    header = struct.pack(
        ">IIBBBBB", draw(small), draw(small), depth, colour, 0, 0, draw(st.booleans())
    )
    names = (
        b"IDAT",
        b"IDAT",
        b"PLTE",
        b"tRNS",
        b"eXIf",
        b"zTXt",
        b"iTXt",
        b"iCCP",
        b"acTL",
        b"fcTL",
    )
    chunk = st.tuples(st.sampled_from(names), _bytes | _bytes.map(zlib.compress))
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in ((b"IHDR", header), *draw(st.lists(chunk, max_size=5)), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(name + data))
        parts += [struct.pack(">I", len(data)), name, data, check]
    return b"".join(parts)


_TAGS = (256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325,
         330, 338, 339, 347, 530, 34665)  # fmt: skip


def _tiff(draw: st.DrawFn) -> bytes:
    order = draw(st.sampled_from("<>"))
    data = draw(_bytes)
    values = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: len(data)}
    odd = st.dictionaries(st.sampled_from(_TAGS), _numbers, max_size=6)
    entries = {**values, **draw(odd)}
    parts = [struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(data)), data]
    parts.append(struct.pack(f"{order}H", len(entries)))
    for tag, value in sorted(entries.items()):
        kind, count = draw(st.sampled_from(((4, 1), (4, 1), (3, 1), (4, 3), (12, 9), (2, 70000))))
        parts.append(struct.pack(f"{order}HHII", tag, kind, count, value))
    return b"".join([*parts, bytes(4)])


def _bmp(draw: st.DrawFn) -> bytes:
    side = st.integers(-40, 40) | _numbers.map(lambda n: n - 2**31)
    depth = draw(st.sampled_from((0, 1, 4, 8, 16, 24, 32)))
    packed = draw(st.integers(0, 4))
    header = struct.pack(
        "<IiiHHIIiiII", 40, draw(side), draw(side), 1, depth, packed, 0, 0, 0, draw(_numbers), 0
    )
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + header + draw(_bytes)


def _ppm(draw: st.DrawFn) -> bytes:
    numbers = " ".join(str(draw(_numbers)) for _ in range(3))
    magic = draw(st.sampled_from(("P1", "P2", "P3", "P4", "P5", "P6", "Pf", "PF", "P7", "Py")))
    return f"{magic}\n{numbers}\n".encode() + draw(_bytes | st.from_regex(rb"[0-9 \n#.]{0,99}"))


@st.composite
def _image(draw: st.DrawFn) -> bytes:
    return draw(st.sampled_from((_png, _tiff, _bmp, _ppm)))(draw)


def _npy(shape: object, descr: object, fortran: bool, data: bytes) -> bytes:
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode(
        "latin-1", "replace"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(header), 65535)) + header + data


_DESCR = (
    st.sampled_from(
        (
            "|u1",
            "<u1",
            ">i8",
            "<f4",
            "|b1",
            "<U3",
            "|S3",
            "|O",
            "|V0",
            "<U0",
            "<M8[s]",
            "<c16",
            "|V7",
        )
    )
    | st.just([("a", "<i4")])
    | st.text(max_size=4)
)
_SHAPE = st.lists(st.integers(0, 9) | _numbers, max_size=4).map(tuple) | st.integers() | st.none()


def _array_members(names: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    plain = st.builds(
        _saved, arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(max_side=5))
    )
    content = st.builds(_npy, _SHAPE, _DESCR, st.booleans(), _bytes) | plain | _bytes
    member = st.tuples(st.sampled_from(names).map(lambda name: f"{name}.npy"), content)
    return st.lists(member, min_size=1, max_size=5).map(zipped)


def _saved(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


@st.composite
def _model(draw: st.DrawFn) -> bytes:
    with zipfile.ZipFile(io.BytesIO(_models()[0])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(members)))
    odd = arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_side=5))
    texts = st.text(max_size=30).map(np.str_)
    members[name] = _saved(np.asarray(draw(odd | texts)))
    return zipped(list(members.items()))


@st.composite
def _zip(draw: st.DrawFn) -> bytes:
    names = st.sampled_from(
        ("cat/1.png", "dog/1.jpg", "cat\\2.png", "../x/2.gif", "train/cat/1.png")
    )
    members = draw(
        st.lists(st.tuples(names | st.text(min_size=1, max_size=12), _bytes), max_size=6)
    )
    method = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    data = bytearray(zipped(members, method))
    for _ in range(draw(st.integers(0, 3))):  # what the directory says
        at = data.find(b"PK\1\2") + draw(st.integers(4, 45))
        data[at : at + 4] = struct.pack("<I", draw(_numbers))
    return bytes(data)


@st.composite
def _hdf5_made_up(draw: st.DrawFn) -> bytes:
    values = arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_side=6))
    named = st.dictionaries(
        st.sampled_from(
            ("train_set_x", "train_set_y", "test_set_x", "images", "labels", "list_classes")
        ),
        values | st.just(_PICTURES) | st.just(_LABELS),
        max_size=5,
    )
    members = draw(named)

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for name, array in members.items():
                try:
                    file[name] = array
                except TypeError:  # a type that HDF5 does not have
                    file[name] = 0

    return _written(write)


_MADE_UP: dict[str, Callable[[], st.SearchStrategy[bytes]]] = {
    "image": _image,
    "model": _model,
    "npz": lambda: _array_members(("images", "labels", "class_names", "x", "y", "other")),
    "hdf5": _hdf5_made_up,
    "zip": _zip,
    "manifest": lambda: st.builds(
        lambda header, rows: "\n".join([header, *rows]).encode("utf-8", "surrogatepass"),
        st.sampled_from(("path,label", "path,label,split", "file\ty", "image;class", "a,b"))
        | st.text(),
        st.lists(
            st.text(max_size=20) | st.sampled_from(("a.jpg,cat", "b.jpg,1,test", "c\t0", ",,"))
        ),
    ),
}
