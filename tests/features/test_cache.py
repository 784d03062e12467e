"""Features kept between trainings: the same to the bit or not at all, and never in the way."""

import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from catclf.data.dataset import File
from catclf.data.decode import Loading
from catclf.data.loading import Loaded, load_one
from catclf.features import FeatureMap, cache, feature_map
from catclf.features.cache import Cache, identity, users_folder

ROOT = Path(__file__).resolve().parents[2]
Kept = tuple[NDArray[np.float32], bytes]


@pytest.fixture(autouse=True)
def all_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "WORTH_SECONDS", 0.0)


@pytest.fixture
def features() -> FeatureMap:
    return feature_map("pixels", Loading(size=2))  # n_x is 12


def name(i: int) -> bytes:
    """What picture i is known by."""
    return np.random.default_rng(i).bytes(32)


def made(features: FeatureMap, i: int) -> Kept:
    """What is computed of picture i: x with every pattern of bits, NaN among them, and its hash."""
    rng = np.random.default_rng([i, 1])
    return np.frombuffer(rng.bytes(4 * features.n_x), np.float32), rng.bytes(32)


def filled(features: FeatureMap, folder: Path, *pictures: int) -> Cache:
    """A cache to which these were added."""
    kept = Cache(features, folder)
    for i in pictures:
        kept.add(name(i), *made(features, i))
    return kept


def is_made(features: FeatureMap, i: int, found: Kept | None) -> bool:
    """Whether picture i was found as it was computed; another's is no answer at all."""
    if found is None:
        return False
    x, perceptual_hash = made(features, i)
    assert found[0].dtype == np.float32
    assert found[0].tobytes() == x.tobytes()
    assert found[1] == perceptual_hash
    return True


def holds(features: FeatureMap, folder: Path, *pictures: int) -> list[int]:
    """Which of the pictures a training would find."""
    kept = Cache(features, folder)
    return [i for i in pictures if is_made(features, i, kept.get(name(i)))]


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


@dataclass
class Map:
    """A feature map as far as a cache looks at it."""

    name: str = "conv"
    loading: object = Loading(size=2)
    n_x: int = 12
    sha256: str = "a"

    def column(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise NotImplementedError


# What is kept


def test_what_was_computed_comes_back_to_the_bit(features: FeatureMap, tmp_path: Path) -> None:
    kept = filled(features, tmp_path, *range(100))
    assert kept.get(name(1)) is not None  # before it is saved, too
    assert kept.save() == f"features of 100 photos kept in {tmp_path}, 0 MB"
    assert is_made(features, 1, kept.get(name(1)))  # and after
    assert holds(features, tmp_path, *range(101)) == list(range(100))


def test_a_photo_that_is_found_is_the_same_as_the_photo_computed(
    cat_photo: Path, tmp_path: Path
) -> None:
    loading = Loading(size=64)
    features = feature_map("conv", loading)
    loaded = load_one(File(cat_photo), loading)
    assert isinstance(loaded, Loaded)
    kept = Cache(features, tmp_path)
    x = features.column(loaded.picture.pixels)
    kept.add(loaded.sha256, x, loaded.picture.perceptual_hash)
    kept.save()
    found = Cache(features, tmp_path).get(loaded.sha256)
    assert found is not None
    assert np.array_equal(found[0], features.column(loaded.picture.pixels))
    assert found[1] == loaded.picture.perceptual_hash


def test_ten_more_photos_write_ten(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, *range(50)).save()
    before = only_file(tmp_path)
    more = Cache(features, tmp_path)
    for i in range(60):
        if not is_made(features, i, more.get(name(i))):
            more.add(name(i), *made(features, i))
    assert str(more.save()).startswith("features of 10 photos kept")
    (new,) = set(tmp_path.iterdir()) - {before}
    assert new.stat().st_size * 5 == before.stat().st_size
    assert holds(features, tmp_path, *range(60)) == list(range(60))
    assert more.save() is None


def test_what_was_quickly_had_is_not_written(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WORTH_SECONDS", 10.0)
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    folder = tmp_path / "cache"
    kept = filled(features, folder, 1)
    now += 9
    kept.add(name(2), *made(features, 2))
    now += 60  # the descent, which is not saved by keeping features
    assert kept.save() is None
    assert not folder.exists()
    assert is_made(features, 1, kept.get(name(1)))
    kept.add(name(3), *made(features, 3))
    assert kept.save()
    assert holds(features, folder, 1, 2, 3) == [1, 2, 3]


def test_nothing_new_writes_nothing(features: FeatureMap, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert Cache(features, folder).get(name(1)) is None
    assert Cache(features, folder).save() is None
    assert not folder.exists()


def test_the_same_picture_twice_is_kept_once(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, 1, 1, 1).save()
    twice = only_file(tmp_path).stat().st_size
    filled(features, tmp_path / "other", 1).save()
    assert twice == only_file(tmp_path / "other").stat().st_size


def test_many_features_do_not_wait_in_memory(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(features, tmp_path, 0).save()
    monkeypatch.setattr(cache, "FILE_BYTES", 10 * only_file(tmp_path).stat().st_size)
    kept = filled(features, tmp_path, *range(1, 36))
    assert len(list(tmp_path.iterdir())) == 4
    assert all(is_made(features, i, kept.get(name(i))) for i in range(1, 36))
    assert str(kept.save()).startswith("features of 35 photos")
    assert len(list(tmp_path.iterdir())) == 5
    assert holds(features, tmp_path, *range(36)) == list(range(36))


def test_pictures_and_features_of_another_size_are_a_mistake(features: FeatureMap) -> None:
    x, perceptual_hash = made(features, 1)
    kept = Cache(features)
    for wrong in (x[1:], x[:, None], x.astype(np.float64)):
        with pytest.raises(ValueError, match="float32"):
            kept.add(name(1), wrong, perceptual_hash)  # type: ignore[arg-type]
    for picture, hashed in ((name(1)[1:], perceptual_hash), (name(1), b"")):
        with pytest.raises(ValueError, match="32 bytes"):
            kept.add(picture, x, hashed)


def test_only_the_user_can_read_it(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path / "cache", 1).save()
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    assert only_file(tmp_path / "cache").stat().st_mode & 0o077 == 0


# Whose it is


def test_arrays_are_known_by_their_shape_too() -> None:
    sha256 = name(1)
    square, flat = np.zeros((4, 4), np.uint8), np.zeros((2, 8), np.uint8)
    signed: NDArray[np.uint8] = flat.view(np.int8)
    known = {identity(data, sha256) for data in (b"", square, flat, signed)}
    assert len(known) == 4
    assert {len(picture) for picture in known} == {32}
    assert identity(b"", sha256) == sha256
    assert identity(flat, sha256) == identity(flat.copy(), sha256) != identity(flat, name(2))


@dataclass(frozen=True)
class LaterLoading(Loading):
    """A policy with a field that is not there yet."""

    mirror: bool = False


@pytest.mark.parametrize(
    "other",
    [
        Map(sha256="b"),
        Map(name="pixels"),
        Map(n_x=13),
        Map(loading=Loading(size=3)),
        Map(loading=Loading(size=2, crop="stretch")),
        Map(loading=LaterLoading(size=2)),
    ],
)
def test_another_map_or_policy_finds_nothing(other: FeatureMap, tmp_path: Path) -> None:
    features: FeatureMap = Map()  # type: ignore[assignment]
    filled(features, tmp_path, 1).save()
    assert holds(Map(), tmp_path, 1) == [1]  # type: ignore[arg-type]
    assert Cache(other, tmp_path).get(name(1)) is None
    filled(other, tmp_path, 1).save()
    assert holds(other, tmp_path, 1) == holds(features, tmp_path, 1) == [1]
    assert len(list(tmp_path.iterdir())) == 2


def test_files_of_equal_length_of_other_maps_are_told_apart(tmp_path: Path) -> None:
    longer: FeatureMap = Map(n_x=13)  # type: ignore[assignment]
    features: FeatureMap = Map()  # type: ignore[assignment]
    filled(features, tmp_path, *range(33)).save()
    filled(longer, tmp_path, *range(32)).save()
    assert len({path.stat().st_size for path in tmp_path.iterdir()}) == 1
    assert holds(features, tmp_path, *range(33)) == list(range(33))


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("FORMAT", 2),
        ("__version__", "9"),
        ("np.__version__", "9"),
        ("pillow_version", "9"),
        ("platform.machine", lambda: "abacus"),
    ],
)
def test_after_an_update_all_is_computed_again(
    what: str,
    value: object,
    features: FeatureMap,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled(features, tmp_path, 1).save()
    monkeypatch.setattr(f"catclf.features.cache.{what}", value)
    assert holds(features, tmp_path, 1) == []


@pytest.mark.parametrize("module", ["data/decode.py", "features/conv.py", "features/__init__.py"])
def test_an_edited_line_of_what_computes_makes_all_of_it_new(module: str, tmp_path: Path) -> None:
    package = shutil.copytree(
        ROOT / "catclf", tmp_path / "catclf", ignore=shutil.ignore_patterns("*.npz", "__pycache__")
    )
    code = (
        "import pathlib, numpy as np\n"
        "from catclf.features import cache, feature_map\n"
        "from catclf.data.decode import Loading\n"
        "cache.WORTH_SECONDS = 0\n"
        "kept = cache.Cache(feature_map('pixels', Loading(2)), pathlib.Path('kept'))\n"
        "print('found' if kept.get(bytes(32)) else 'computed')\n"
        "kept.add(bytes(32), np.zeros(12, np.float32), bytes(32))\n"
        "kept.save()\n"
    )

    def run() -> str:
        command = [sys.executable, "-B", "-c", code]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert [run(), run()] == ["computed", "found"]
    with (package / module).open("a") as file:
        file.write("# another rule\n")
    assert [run(), run()] == ["computed", "found"]


# Damage


def test_a_flipped_bit_anywhere_costs_one_picture(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, 0, 1, 2).save()
    path = only_file(tmp_path)
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        assert len(holds(features, tmp_path, 0, 1, 2)) == 2, position


def test_a_file_of_another_length_holds_nothing(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, 0, 1, 2).save()
    path = only_file(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert holds(features, tmp_path, 0, 1, 2) == [], length
    for added in (b"\0", whole, bytes(len(whole) // 3)):
        path.write_bytes(whole + added)
        assert holds(features, tmp_path, 0, 1, 2) == []


def test_what_is_cut_off_while_it_is_read_is_computed(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, 0, 1).save()
    kept = Cache(features, tmp_path)
    os.truncate(only_file(tmp_path), 200)  # in the second record
    assert is_made(features, 0, kept.get(name(0)))
    assert kept.get(name(1)) is None


def test_records_that_changed_places_belong_to_nobody(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, 0, 1).save()
    path = only_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[32:64] + whole[:32] + whole[64:])
    assert holds(features, tmp_path, 0, 1) == []


def test_a_file_of_another_map_is_not_believed(tmp_path: Path) -> None:
    ours, other = Map(), Map(sha256="b")
    filled(ours, tmp_path, 1).save()  # type: ignore[arg-type]
    path = only_file(tmp_path)
    path.unlink()
    filled(other, tmp_path, 1).save()  # type: ignore[arg-type]
    only_file(tmp_path).rename(path)
    assert holds(ours, tmp_path, 1) == []  # type: ignore[arg-type]


def test_what_was_damaged_is_kept_anew(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, *range(5)).save()
    path = only_file(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert holds(features, tmp_path, *range(5)) == [0, 1, 2, 3]
    filled(features, tmp_path, 4).save()
    assert holds(features, tmp_path, *range(5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "foreign", ["empty", "text", "link", "dangling", "loop", "pipe", "folder", "device", "huge"]
)
def test_a_foreign_file_of_that_name_is_left_alone(
    foreign: str, features: FeatureMap, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    filled(features, folder, 1).save()
    path, kept = only_file(folder), tmp_path / "kept"
    path.rename(kept)
    if foreign == "empty":
        path.touch()
    elif foreign == "text":
        path.write_text("nothing of ours\n" * 100)
    elif foreign == "link":
        path.symlink_to(kept)
    elif foreign == "dangling":
        path.symlink_to("nowhere")
    elif foreign == "loop":
        path.symlink_to(path)
    elif foreign == "pipe":
        os.mkfifo(path)
    elif foreign == "folder":
        path.mkdir()
    elif foreign == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(128 * 10**10)  # whole records, and takes no room
    said: list[object] = []

    def train() -> None:
        said.append(holds(features, folder, 1))
        said.append(filled(features, folder, 2).save())
        said.append(holds(features, folder, 2))

    training = threading.Thread(target=train, daemon=True)
    training.start()
    training.join(20)
    assert said == [[], f"features of 1 photo kept in {folder}, 0 MB", [2]]
    assert path.is_symlink() or path.exists() or foreign == "huge"  # that one is above the bound


def test_a_file_that_cannot_be_read_is_computed_again(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(features, tmp_path, 1).save()
    kept = Cache(features, tmp_path)

    readable = Path.open

    def refused(path: Path, *given: Any, **named: Any) -> Any:
        if path.parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        return readable(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refused)
        assert kept.get(name(1)) is None
        assert holds(features, tmp_path, 1) == []
    assert holds(features, tmp_path, 1) == [1]


# Its bound


def aged(folder: Path, features: FeatureMap, n: int) -> list[Path]:
    """n files of one picture each, last used in their order, long ago."""
    paths: list[Path] = []
    for i in range(n):
        filled(features, folder, i).save()
        (new,) = set(folder.iterdir()) - set(paths)
        paths.append(new)
    for i, path in enumerate(paths):
        os.utime(path, (1000 + i, 1000 + i))
    return paths


def test_what_was_not_used_for_longest_goes_first(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = aged(tmp_path, features, 6)
    assert holds(features, tmp_path, 1) == [1]  # used now
    other = feature_map("pixels", Loading(size=2, crop="stretch"))  # maps share the bound
    monkeypatch.setattr(cache, "MAX_BYTES", 4 * paths[0].stat().st_size)
    assert filled(other, tmp_path, 9).save()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == cache.MAX_BYTES
    assert holds(features, tmp_path, *range(6)) == [1, 4, 5]
    assert holds(other, tmp_path, 9) == [9]


def test_what_a_killed_training_left_goes_and_others_files_stay(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = aged(tmp_path, features, 1)
    left = path.with_name(f"{path.name}.tmp")
    path.rename(left)
    (tmp_path / "notes.txt").write_bytes(bytes(10**6))
    (tmp_path / "folder.columns").mkdir()
    monkeypatch.setattr(cache, "MAX_BYTES", left.stat().st_size)
    assert holds(features, tmp_path, 0) == []
    filled(features, tmp_path, 1).save()
    assert not left.exists()
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "folder.columns").exists()
    assert holds(features, tmp_path, 1) == [1]


def test_a_training_larger_than_the_bound_keeps_its_first_photos(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = aged(tmp_path, features, 1)[0].stat().st_size
    monkeypatch.setattr(cache, "MAX_BYTES", 10 * one)
    monkeypatch.setattr(cache, "FILE_BYTES", 3 * one)
    for _ in range(3):  # not each time others
        kept = Cache(features, tmp_path)
        for i in range(25):
            if not is_made(features, i, kept.get(name(i))):
                kept.add(name(i), *made(features, i))
        kept.save()
        assert holds(features, tmp_path, *range(25)) == list(range(10))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= cache.MAX_BYTES


def test_what_another_training_removed_is_computed(features: FeatureMap, tmp_path: Path) -> None:
    filled(features, tmp_path, 1).save()
    kept = Cache(features, tmp_path)
    only_file(tmp_path).unlink()
    assert kept.get(name(1)) is None
    kept.add(name(1), *made(features, 1))
    kept.save()
    assert holds(features, tmp_path, 1) == [1]


# Several at once


class Slow(int):
    """A bound that lets other threads in before the answer whether it is reached is acted upon."""

    def __le__(self, other: int) -> bool:
        reached = int(self) <= other
        time.sleep(0.0002)
        return reached


def test_many_threads(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "FILE_BYTES", Slow(300))
    kept = Cache(features, tmp_path)
    found: list[bool] = []

    def work(start: int) -> None:
        for i in range(start, 400, 8):
            kept.add(name(i), *made(features, i))
        found.extend(is_made(features, i, kept.get(name(i))) for i in range(start, 400, 8))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(kept.save()).startswith("features of 400 photos")
    assert len(found) == 400
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert sorted(sizes) == [128] + 133 * [3 * 128]
    assert holds(features, tmp_path, *range(400)) == list(range(400))


def test_two_trainings_at_once(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, numpy as np\n"
        "from catclf.features import cache, feature_map\n"
        "from catclf.data.decode import Loading\n"
        "cache.WORTH_SECONDS, cache.FILE_BYTES = 0, 1000\n"
        "features = feature_map('pixels', Loading(2))\n"
        "for run in range(20):\n"
        "    kept = cache.Cache(features, pathlib.Path('kept'))\n"
        "    for i in range(60):\n"
        "        picture, x = i.to_bytes(32, 'big'), np.full(12, i, np.float32)\n"
        "        found = kept.get(picture)\n"
        "        if found is None:\n"
        "            kept.add(picture, x, picture)\n"
        "        elif found[1] != picture or not np.array_equal(found[0], x):\n"
        "            sys.exit(f'{i} is {found}')\n"
        "    said = kept.save()\n"
        "    if said and not said.startswith('features of'):\n"
        "        sys.exit(said)\n"
        "    for path in sorted(pathlib.Path('kept').glob('*.columns'))[run % 3 :: 3]:\n"
        "        path.unlink(missing_ok=True)\n"  # so that there is something to write again
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in running]
    assert errors == ["", ""]
    assert [process.returncode for process in running] == [0, 0]


# Where it cannot be written


def test_a_folder_that_cannot_be_made_is_told_in_one_line(
    features: FeatureMap, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "cache", tmp_path / ("long" * 100)):
        kept = filled(features, folder, 1, 2)
        assert is_made(features, 1, kept.get(name(1)))
        said = str(kept.save())
        assert said.startswith(f"features are not kept in {folder} (")
        assert "\n" not in said
        kept.add(name(3), *made(features, 3))  # goes on as if nothing were
        assert kept.save() == said


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    code = (
        "import pathlib, resource, signal, numpy as np\n"
        "from catclf.features import cache, feature_map\n"
        "from catclf.data.decode import Loading\n"
        "cache.WORTH_SECONDS, cache.FILE_BYTES = 0, 5000\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "kept = cache.Cache(feature_map('pixels', Loading(2)), pathlib.Path('kept'))\n"
        "for i in range(200):\n"
        "    kept.add(i.to_bytes(32, 'big'), np.zeros(12, np.float32), bytes(32))\n"
        "print(kept.save())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "features are not kept in kept (File too large)\n"
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("step", ["os.open", "os.replace"])
def test_a_folder_that_is_only_read_still_gives(
    step: str, features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(features, tmp_path, 1).save()
    monkeypatch.setattr(cache, "FILE_BYTES", 200)
    attempts = 0

    def refused(*given: object, **named: object) -> None:
        nonlocal attempts
        attempts += 1
        raise PermissionError(30, "Read-only file system")

    for call in ("os.utime", "os.unlink"):
        monkeypatch.setattr(call, refused)
    assert holds(features, tmp_path, 1) == [1]
    monkeypatch.setattr(step, refused)
    attempts = 0
    kept = filled(features, tmp_path, *range(2, 20))
    assert attempts <= 2  # to write and to remove, not for every file anew
    assert kept.save() == f"features are not kept in {tmp_path} (Read-only file system)"


def test_what_cannot_be_removed_stays(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(tmp_path, features, 3)
    monkeypatch.setattr(cache, "MAX_BYTES", 200)
    removed = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            raise PermissionError(13, "Permission denied")
        removed(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    assert str(filled(features, tmp_path, 3).save()).startswith("features of 1 photo kept")
    assert holds(features, tmp_path, *range(4)) == [0, 1, 2, 3]


# Where it is


def test_the_users_folder(
    features: FeatureMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert users_folder() == tmp_path / "xdg" / "catclf"
    filled(features, users_folder() or tmp_path, 1).save()
    kept = Cache(features)
    assert is_made(features, 1, kept.get(name(1)))
    for ignored in ("", "xdg", "./xdg"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert users_folder() in [
            tmp_path / place / "catclf" for place in (".cache", "Library/Caches")
        ]
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("sys.platform", "darwin")
    assert users_folder() == tmp_path / "Library" / "Caches" / "catclf"
    monkeypatch.setattr("sys.platform", "win32")
    assert users_folder() == tmp_path / "AppData" / "Local" / "catclf"


@pytest.mark.parametrize("home", [None, "somewhere/else"])
def test_without_a_home_nothing_is_kept(
    home: str | None, features: FeatureMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwd = pytest.importorskip("pwd")

    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert users_folder() is None
    kept = Cache(features)
    kept.add(name(1), *made(features, 1))
    assert is_made(features, 1, kept.get(name(1)))
    assert kept.save() is None
