"""Folders as people have them: labels and splits from names."""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catclf.data.dataset import Dataset, open_dataset
from catclf.data.decode import Loading
from catclf.data.folder import matching, pictures_below
from catclf.data.loading import Loaded, load_one
from catclf.errors import DataError

Tree = Callable[..., Path]


def contents(dataset: Dataset) -> dict[str, tuple[int, str]]:
    return {example.name: (example.label, example.split) for example in dataset.examples}


def error(path: Path, positive: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(path, positive)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Classes


@pytest.mark.parametrize("name", ["cat", "Cat", "CATS", "cats"])
def test_the_class_called_cat_is_positive(name: str, tree: Tree) -> None:
    dataset = open_dataset(tree(f"{name}/1.png", "aardvark/1.png"))
    assert dataset.class_names == ("aardvark", name)
    assert contents(dataset) == {f"{name}/1.png": (1, "train"), "aardvark/1.png": (0, "train")}


def test_positive_names_any_other_class_in_any_case(tree: Tree) -> None:
    root = tree("cat/1.png", "Dog/1.png")
    assert open_dataset(root, "Dog").class_names == ("cat", "Dog")
    assert open_dataset(root, "dog").class_names == ("cat", "Dog")


def test_more_than_two_classes_are_name_and_non_name(tree: Tree) -> None:
    dataset = open_dataset(tree("cat/1.png", "dog/1.png", "cow/1.png"))
    assert dataset.class_names == ("non-cat", "cat")
    assert [example.label for example in dataset.examples] == [1, 0, 0]
    assert [example.groups["class"] for example in dataset.examples] == ["cat", "cow", "dog"]


def test_where_nothing_decides_the_error_names_the_flag_and_the_classes(tree: Tree) -> None:
    said = error(tree("dog/1.png", "cow/1.png"))
    assert "no class is called cat; the classes are: cow, dog" in said
    assert "--positive NAME" in said


def test_two_candidates_are_an_error(tree: Tree) -> None:
    root = tree("cat/1.png", "Cats/1.png", "dog/1.png")
    assert "more than one class could be the positive one (Cats, cat)" in error(root)
    assert open_dataset(root, "cat").class_names == ("non-cat", "cat")


def test_a_misspelt_positive_class_is_suggested(tree: Tree) -> None:
    assert "did you mean dog?" in error(tree("cat/1.png", "dog/1.png"), "dgo")


def test_many_classes_are_not_all_listed(tree: Tree) -> None:
    said = error(tree(*(f"class{chr(97 + j)}/1.png" for j in range(20))))
    assert "classl, ...;" in said


def test_no_class_is_called_unsure(tree: Tree) -> None:
    assert '"unsure" is an answer' in error(tree("cat/1.png", "Unsure/1.png"))


def test_names_of_any_script_and_bytes_that_are_none(tree: Tree) -> None:
    root = tree("кошка/ё 1.png", "собака/🐶.png", "собака/new\nline.png", "собака/-x.png")
    assert open_dataset(root, "Кошка").class_names == ("собака", "кошка")
    latin = os.fsdecode(b"katze-\xe4\xff.png")
    dataset = open_dataset(tree(f"cat/{latin}", "dog/1.png", root="latin"))
    assert f"cat/{latin}" in contents(dataset)
    assert len(dataset.fingerprint()) == 64


def test_folders_below_a_class_belong_to_it_and_group_it(tree: Tree) -> None:
    dataset = open_dataset(tree("cat/siam/1.png", "cat/2.png", "dog/a/b/c/1.png"))
    assert [example.label for example in dataset.examples] == [1, 1, 0]
    folders = {example.groups["folder"] for example in dataset.examples}
    assert folders == {"cat", "cat/siam", "dog/a/b/c"}


# Splits


@pytest.mark.parametrize("name", ["test", "Test", "val", "valid", "validation", "dev"])
def test_train_and_what_judges(name: str, tree: Tree) -> None:
    dataset = open_dataset(tree("train/cat/1.png", "train/dog/1.png", f"{name}/cat/2.png"))
    assert contents(dataset) == {
        "train/cat/1.png": (1, "train"),
        "train/dog/1.png": (0, "train"),
        f"{name}/cat/2.png": (1, "test"),
    }
    assert dataset.class_names == ("dog", "cat")


def test_val_joins_training_where_there_is_a_test(tree: Tree) -> None:
    dataset = open_dataset(tree("Train/cat/1.png", "valid/dog/1.png", "test/cat/2.png"))
    assert contents(dataset) == {
        "Train/cat/1.png": (1, "train"),
        "valid/dog/1.png": (0, "train"),
        "test/cat/2.png": (1, "test"),
    }


def test_without_splits_all_is_training(tree: Tree) -> None:
    dataset = open_dataset(tree("cat/1.png", "dog/1.png"))
    assert len(dataset.split("train")) == 2
    assert dataset.split("test") == ()


# Flat


def test_labels_in_file_names(tree: Tree) -> None:
    dataset = open_dataset(
        tree("cat.0.jpg", "dog.12.jpg", "dog_003.png", "Dog (4).JPG", "cat-7.png", "cat8.png"),
        "cat",
    )
    labels = {name: label for name, (label, _) in contents(dataset).items()}
    assert labels == {
        "cat.0.jpg": 1,
        "cat-7.png": 1,
        "cat8.png": 1,
        "dog.12.jpg": 0,
        "dog_003.png": 0,
        "Dog (4).JPG": 0,
    }


def test_a_label_in_a_name_may_have_a_hyphen(tree: Tree) -> None:
    dataset = open_dataset(tree("cat.0.jpg", "non-cat.0.jpg", "non-cat (2).jpg"))
    assert dataset.class_names == ("non-cat", "cat")
    assert [example.label for example in dataset.examples] == [1, 0, 0]


def test_flat_names_below_train_and_test(tree: Tree) -> None:
    dataset = open_dataset(tree("train/cat.0.jpg", "train/dog.0.jpg", "test/cat.1.jpg"))
    assert contents(dataset) == {
        "train/cat.0.jpg": (1, "train"),
        "train/dog.0.jpg": (0, "train"),
        "test/cat.1.jpg": (1, "test"),
    }


@pytest.mark.parametrize(
    ("names", "culprit"),
    [
        (["cat.0.jpg", "holiday.jpg"], "holiday.jpg"),
        (["1.jpg", "2.jpg"], "1.jpg"),
        (["train/cat.0.jpg", "train/beach.jpg", "test/cat.1.jpg"], "train/beach.jpg"),
        (["train/cat/0.jpg", "train/dog/0.jpg", "test/1.jpg"], "test/1.jpg"),
    ],
)
def test_a_layout_that_is_not_understood_names_a_file_and_what_was_expected(
    names: list[str], culprit: str, tree: Tree
) -> None:
    said = error(tree(*names))
    assert f"the layout is not understood ({culprit} carries no label)" in said
    assert "expected class folders (cat/, dog/, ...), train/ and test/ of them" in said


def test_the_layouts_are_shown_with_the_folder_s_own_names(tree: Tree, tmp_path: Path) -> None:
    """Each of them is one that is understood."""
    with pytest.raises(DataError) as raised:
        open_dataset(tree("holiday.jpg", "beach.png"))
    examples = raised.value.examples
    assert len(examples) == 4
    root = tree().name
    for line in examples[:3]:
        first, second = line.rsplit(": ")[1].split(", ")
        assert Path(first).parts[0] == Path(second).parts[0] == root
        shown = tmp_path / "as shown" / str(len(line))
        for name, source in ((first, "beach.png"), (second, "holiday.jpg")):
            (shown / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree() / source, shown / name)
            assert Path(name).suffix == Path(source).suffix
        dataset = open_dataset(shown / root)
        assert {e.name.endswith("png"): e.label for e in dataset.examples} == {True: 1, False: 0}
        assert dataset.class_names == ("other", "cat")
    assert f"{root}.csv: {root}/beach.png,cat" in examples[3]


def test_an_empty_folder_shows_the_layouts_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images") as raised:
        open_dataset(tmp_path / "empty")
    assert "  a folder a class: empty/cat/a.jpg, empty/other/b.jpg" in raised.value.examples


# Wrappers


@pytest.mark.parametrize(
    "names",
    [
        ["pets/cat/1.png", "pets/dog/1.png"],
        ["a/b/c/cat/1.png", "a/b/c/dog/1.png"],
        ["pets/cat.1.png", "pets/dog.1.png"],
        ["cats/train/cat/1.png", "cats/train/dog/1.png"],
        ["pets/train/cat/1.png", "pets/test/dog/1.png"],
        ["pets/train/cat.1.png", "pets/test/dog.1.png"],
    ],
)
def test_a_folder_around_everything_is_looked_through(names: list[str], tree: Tree) -> None:
    dataset = open_dataset(tree(*names))
    assert dataset.class_names == ("dog", "cat")
    assert len(dataset.examples) == 2
    assert not any("pets" in example.name for example in dataset.examples)


@pytest.mark.parametrize("name", ["cat/siam/1.png", "cat/1.png", "cat/cat.1.png"])
def test_a_class_alone_is_no_wrapper(name: str, tree: Tree) -> None:
    dataset = open_dataset(tree(name))
    assert contents(dataset) == {name: (1, "train")}
    assert dataset.class_names == ("non-cat", "cat")


def test_the_class_asked_for_is_no_wrapper_either(tree: Tree) -> None:
    dataset = open_dataset(tree("dog/poodle/1.png", "dog/pug/1.png"), "dog")
    assert dataset.class_names == ("non-dog", "dog")
    assert [example.label for example in dataset.examples] == [1, 1]


# What is left out, and never silently


def test_junk_is_passed_over_without_a_word(tree: Tree) -> None:
    root = tree(
        "cat/1.png",
        "dog/1.png",
        "cat/._1.png",
        "cat/.hidden.png",
        ".git/cat/1.png",
        "__MACOSX/cat/1.png",
        "cat/Thumbs.db",
        "cat/desktop.ini",
        "dog/.thumbs/1.png",
    )
    (root / "empty").mkdir()
    dataset = open_dataset(root)
    assert set(contents(dataset)) == {"cat/1.png", "dog/1.png"}
    assert dataset.class_names == ("dog", "cat")
    assert dataset.remarks == ()


def test_other_files_are_counted(tree: Tree) -> None:
    root = tree("cat/1.png", "dog/1.png")
    (root / "README.txt").write_text("about")
    assert open_dataset(root).remarks == ("1 file beside the pictures left alone",)
    (root / "cat/labels.xml").write_text("about")
    assert open_dataset(root).remarks == ("2 files beside the pictures left alone",)


def test_pictures_outside_of_the_classes_are_counted(tree: Tree) -> None:
    dataset = open_dataset(tree("cat/1.png", "dog/1.png", "cover.png"))
    assert set(contents(dataset)) == {"cat/1.png", "dog/1.png"}
    assert dataset.remarks == ("1 file outside of the class folders left out",)
    split = open_dataset(
        tree("train/cat/1.png", "train/dog/1.png", "raw/1.png", "raw/2.png", root="split")
    )
    assert len(split.examples) == 2
    assert split.remarks == ("2 files outside of the class folders left out",)


def test_pictures_outside_of_the_classes_of_a_split_are_counted(tree: Tree) -> None:
    dataset = open_dataset(tree("train/cat/1.png", "train/dog/1.png", "train/cover.png"))
    assert len(dataset.examples) == 2
    assert dataset.remarks == ("1 file outside of the class folders left out",)


def test_nothing_to_read(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "empty/cat").mkdir(parents=True)
    assert "holds no images" in error(tmp_path / "empty")
    assert "no such file or folder" in error(tmp_path / "none")


def test_a_picture_is_known_by_its_extension_or_its_first_bytes(
    tree: Tree, picture: Callable[[str], bytes]
) -> None:
    root = tree("cat/UPPER.PNG", "cat/no_extension", "cat/wrong.dat", "dog/a.Jpeg")
    (root / "cat/broken.jpg").write_bytes(b"no picture at all")  # the loader says so
    (root / "cat/empty").touch()
    (root / "cat/notes").write_text("text")
    found = pictures_below(root)
    names = [path.relative_to(root).as_posix() for path in found.pictures]
    assert names == [
        "cat/UPPER.PNG",
        "cat/broken.jpg",
        "cat/no_extension",
        "cat/wrong.dat",
        "dog/a.Jpeg",
    ]
    assert found.others == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_among_the_pictures_is_not_opened(tree: Tree) -> None:
    root = tree("cat/1.png", "dog/1.png")
    os.mkfifo(root / "cat/pipe.png")  # to open it would wait for ever
    assert open_dataset(root).remarks == ("1 file beside the pictures left alone",)
    os.mkfifo(root / "data.csv")
    assert "neither a file nor a folder" in error(root / "data.csv")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no such sockets")
def test_sockets_and_devices_are_not_opened(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree("cat/1.png", "dog/1.png")
    monkeypatch.chdir(root / "cat")  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        (root / "cat/zero.png").symlink_to("/dev/zero")  # without an end
        (root / "cat/terminal.png").symlink_to("/dev/tty")
        assert open_dataset(root).remarks == ("3 files beside the pictures left alone",)


@contextmanager
def deep_folder(root: Path, depth: int, name: str) -> Iterator[None]:
    """A picture in folders in one another: too deep for a path to name, or to be removed by."""
    before = Path.cwd()
    os.chdir(root)
    for _ in range(depth):
        os.mkdir(name)  # noqa: PTH102 - where no path leads
        os.chdir(name)
    Path("deep.png").touch()
    bottom = os.open(".", os.O_RDONLY)
    os.chdir(before)
    try:
        yield
    finally:
        os.fchdir(bottom)
        os.close(bottom)
        Path("deep.png").unlink()
        for _ in range(depth):
            os.chdir("..")
            os.rmdir(name)  # noqa: PTH106
        os.chdir(before)


def test_folders_deeper_than_a_path_can_name(tree: Tree) -> None:
    root = tree("cat/1.png", "dog/1.png")
    with deep_folder(root / "cat", 20, "d" * 255):
        dataset = open_dataset(root)
    assert set(contents(dataset)) == {"cat/1.png", "dog/1.png"}
    (remark,) = dataset.remarks
    assert re.fullmatch(r"the folder cat/(d{255}/)+d{255} cannot be read", remark)


def test_many_folders_in_one_another(tree: Tree) -> None:
    """More than Python can call functions in one another."""
    root = tree("cat/1.png", "dog/1.png")
    with deep_folder(root / "cat", 1100, "d"):
        assert len(open_dataset(root).examples) == 3


def test_names_as_long_as_a_disk_allows(tree: Tree) -> None:
    name = f"cat/{'x' * 251}.png"
    emoji = f"dog/{'🐕' * 62}.png"
    root = tree(name, emoji)
    results = {e.name: load_one(e.source, Loading()) for e in open_dataset(root).examples}
    assert set(results) == {name, emoji}
    assert all(isinstance(result, Loaded) for result in results.values())


def test_a_hundred_thousand_entries(tree: Tree) -> None:
    root = tree("0.png")
    for i in range(1, 100_000):
        os.symlink("0.png", f"{root}/{i}.png")  # noqa: PTH211 - many
    assert len(pictures_below(root).pictures) == 100_000


def test_links_to_folders_are_not_followed_but_counted(tree: Tree) -> None:
    root = tree("cat/1.png", "dog/1.png")
    (root / "cat/circle").symlink_to(root)
    (root / "cow").symlink_to(root / "dog")
    dataset = open_dataset(root)
    assert len(dataset.examples) == 2
    assert dataset.remarks == ("2 files beside the pictures left alone",)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["1.jpg"]),
        ("c*/*", ["cat/2.jpg"]),
        ("**/*.jpg", ["1.jpg", "cat/2.jpg", "cat/below/3.jpg"]),
        ("cat/**", ["cat/2.jpg", "cat/below/3.jpg"]),
        ("cat/**2.j**", ["cat/2.jpg"]),
        (".hidden/*", [".hidden/4.jpg"]),
        ("*.png", []),
        pytest.param("*/" + "x" * 300, [], id="a name too long"),
    ],
)
def test_what_fits_a_pattern(
    pattern: str, expected: list[str], tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree("1.jpg", "cat/2.jpg", "cat/below/3.jpg", ".hidden/4.jpg", "cat/.5.jpg")
    assert matching(str(root / pattern)) == [root / name for name in expected]
    monkeypatch.chdir(root)
    assert matching(pattern) == [Path(name) for name in expected]


def test_a_pattern_does_not_go_in_circles(tree: Tree) -> None:
    root = tree("1.jpg", "a/2.jpg")
    (root / "b").symlink_to(root)
    assert matching(str(root / "**/*.jpg")) == [root / "1.jpg", root / "a/2.jpg"]


def test_links_to_pictures_are_read_and_broken_ones_left_to_the_loader(
    tree: Tree, cat_photo: Path
) -> None:
    root = tree("cat/1.png", "dog/1.png")
    (root / "cat/linked.jpg").symlink_to(cat_photo)
    (root / "cat/gone.jpg").symlink_to(root / "nowhere.jpg")
    assert {"cat/linked.jpg", "cat/gone.jpg"} <= set(contents(open_dataset(root)))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read(tree: Tree) -> None:
    root = tree("cat/1.png", "dog/1.png", "cow/1.png")
    (root / "cow").chmod(0)
    try:
        assert open_dataset(root).remarks == ("the folder cow cannot be read",)
        root.chmod(0)
        assert "cannot be read" in error(root)
    finally:
        root.chmod(0o755)
        (root / "cow").chmod(0o755)


def test_the_order_is_by_name_whatever_the_disk_says(tree: Tree) -> None:
    names = ["dog/b.png", "cat/z.png", "cat/B.png", "cat/a.png", "cat/1/x.png"]
    assert list(contents(open_dataset(tree(*names)))) == [
        "cat/1/x.png",
        "cat/B.png",
        "cat/a.png",
        "cat/z.png",
        "dog/b.png",
    ]
