"""CSV and TSV manifests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catclf.data.dataset import Dataset, open_dataset
from catclf.data.decode import Loading
from catclf.data.loading import Failure, load
from catclf.errors import DataError

Tree = Callable[..., Path]


def write(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def labels(dataset: Dataset) -> dict[str, int]:
    return {example.name: example.label for example in dataset.examples}


def error(path: Path, positive: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(path, positive)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.csv", "path,label\na.jpg,cat\nb.jpg,dog\n"),
        ("data.CSV", "path,label\r\na.jpg,cat\r\nb.jpg,dog\r\n"),
        ("data.tsv", "path\tlabel\na.jpg\tcat\nb.jpg\tdog\n"),
        ("data.txt", "path\tlabel\na.jpg\tcat\nb.jpg\tdog\n"),
        ("data.csv", "path;label\na.jpg;cat\nb.jpg;dog"),
        ("data.csv", "\ufeffpath,label\na.jpg,cat\nb.jpg,dog\n"),
        ("data.csv", "Label , File_Name\n cat,a.jpg\ndog ,b.jpg\n"),
        ("data.csv", '"path","label"\n"a.jpg","cat"\n\n"b.jpg","dog"\n'),
        ("data.csv", "path,label\ra.jpg,cat\rb.jpg,dog\r"),
    ],
)
def test_tables_of_every_dialect(name: str, text: str, tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path, text, name))
    assert labels(dataset) == {"a.jpg": 1, "b.jpg": 0}
    assert dataset.class_names == ("dog", "cat")
    assert dataset.remarks == ()


def test_names_with_commas_newlines_and_bytes_of_no_script(tmp_path: Path) -> None:
    text = b'path,label\n"a,b.jpg",cat\n"c\nd.jpg",dog\n\xe4\xff.jpg,dog\n'
    dataset = open_dataset(write(tmp_path, text))
    assert list(labels(dataset)) == ["a,b.jpg", "c\nd.jpg", "\udce4\udcff.jpg"]
    assert len(dataset.fingerprint()) == 64


def test_further_columns_are_groups(tmp_path: Path) -> None:
    text = "path,label,source,breed,split\na.jpg,cat,web,siam,train\nb.jpg,dog,phone,,test\n"
    dataset = open_dataset(write(tmp_path, text))
    assert dataset.examples[0].groups == {"class": "cat", "source": "web", "breed": "siam"}
    assert dataset.examples[1].groups == {"class": "dog", "source": "phone", "breed": ""}


def splits(dataset: Dataset) -> list[str]:
    return [example.split for example in dataset.examples]


def test_splits(tmp_path: Path) -> None:
    rows = "path,label,split\na.jpg,cat,train\nb.jpg,dog,{}\nc.jpg,dog,{}\nd.jpg,cat,\n"
    both = open_dataset(write(tmp_path, rows.format("Validation", "TEST ")))
    assert splits(both) == ["train", "train", "test", "train"]
    val = open_dataset(write(tmp_path, rows.format("val", "valid")))
    assert splits(val) == ["train", "test", "test", "train"]


def test_a_split_that_is_not_understood_is_named_by_its_row(tmp_path: Path) -> None:
    path = write(tmp_path, "path,label,split\na.jpg,cat,train\n\nb.jpg,dog,holdout\n")
    said = error(path)
    assert "row 4 has the split 'holdout'" in said
    assert "write train, val or test" in said


def test_a_row_of_another_length_is_named(tmp_path: Path) -> None:
    assert "row 3 has 3 cells, the header has 2" in error(
        write(tmp_path, "path,label\na.jpg,cat\nb,c.jpg,dog\n")
    )
    assert "row 2 has 1 cells" in error(write(tmp_path, "path,label\na.jpg\n"))


def test_a_missing_column_is_named_with_the_header(tmp_path: Path) -> None:
    assert "no column path; the header reads: name, label" in error(
        write(tmp_path, "name,label\na.jpg,cat\n")
    )
    assert "no column label; the header reads: path, kind" in error(
        write(tmp_path, "path,kind\na.jpg,cat\n")
    )


@pytest.mark.parametrize("text", ["", "\n", b"\x89PNG\r\n\x1a\n\0\0", b"\0" * 100, '"path'])
def test_what_is_no_table(text: str | bytes, tmp_path: Path) -> None:
    said = error(write(tmp_path, text))
    assert "no column path" in said or "not a table" in said


def test_a_header_alone(tmp_path: Path) -> None:
    assert "holds no images" in error(write(tmp_path, "path,label\n"))


def test_a_manifest_that_begins_like_a_zip(tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path, "PK,path,label\n1,a.jpg,cat\n2,b.jpg,dog\n"))
    assert dataset.examples[1].groups["pk"] == "2"


def test_blank_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    one = open_dataset(write(tmp_path, "path,label\na.jpg,cat\nb.jpg, \nc.jpg,dog\n"))
    assert labels(one) == {"a.jpg": 1, "c.jpg": 0}
    assert one.remarks == ("1 row without a label left out",)
    two = open_dataset(write(tmp_path, "path,label\na.jpg,cat\nb.jpg,\nc.jpg,\n"))
    assert two.remarks == ("2 rows without a label left out",)


def test_labels_of_0_and_1(tmp_path: Path) -> None:
    path = write(tmp_path, "path,label\na.jpg,1\nb.jpg,0\n")
    assert open_dataset(path).class_names == ("non-cat", "cat")
    assert labels(open_dataset(path)) == {"a.jpg": 1, "b.jpg": 0}
    assert labels(open_dataset(path, "cat")) == {"a.jpg": 1, "b.jpg": 0}
    asked = open_dataset(path, "0")
    assert asked.class_names == ("1", "0")
    assert labels(asked) == {"a.jpg": 0, "b.jpg": 1}


def test_further_numbers_are_not_taken_for_cats(tmp_path: Path) -> None:
    said = error(write(tmp_path, "path,label\na.jpg,0\nb.jpg,1\nc.jpg,2\n"))
    assert "row 4 has the label '2', others have 0 or 1; write 0 or 1, or say which" in said
    path = write(tmp_path, "path,label\na.jpg,0\nb.jpg,1\nc.jpg,2\n")
    assert labels(open_dataset(path, "2")) == {"a.jpg": 0, "b.jpg": 0, "c.jpg": 1}


def test_a_slip_among_zeros_and_ones_is_named_by_its_row(tmp_path: Path) -> None:
    said = error(write(tmp_path, "path,label\na.jpg,0\nb.jpg,1\n\nc.jpg,cat\nd.jpg,l\n"))
    assert "row 5 has the label 'cat', others have 0 or 1" in said


def test_a_line_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    said = error(write(tmp_path, "path,label\na.jpg,cat\n" + "b" * 3_000_000))
    assert "not a table: a line of more than 1,048,576 characters" in said


def test_paths_are_relative_to_the_manifest_wherever_one_stands(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree("pictures/a.png", "pictures/b.png")
    absolute = root / "pictures/b.png"
    path = write(root, f"path,label\npictures/a.png,cat\n{absolute},dog\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    relative = Path("../data") / path.name
    for manifest in (path, relative):
        results = list(load([e.source for e in open_dataset(manifest).examples], Loading()))
        assert not any(isinstance(result, Failure) for result in results)


def test_missing_pictures_are_the_loaders_to_report(tree: Tree) -> None:
    root = tree("a.png")
    text = 'path,label\na.png,cat\ngone.png,dog\n"",dog\n"nul\0l.png",dog\n'
    dataset = open_dataset(write(root, text))
    results = list(load([example.source for example in dataset.examples], Loading()))
    reasons = [result.reason if isinstance(result, Failure) else "" for result in results]
    expected = ["", "no such file", "a folder, not a picture", "not a possible file name"]
    assert reasons == expected


def test_the_real_manifest(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "photos/photos.csv")
    assert dataset.class_names == ("non-cat", "cat")
    counted = [
        sum(example.label == label for example in dataset.split(split))
        for split in ("train", "test")
        for label in (1, 0)
    ]
    assert counted == [6030, 11970, 670, 1330]
    assert set(dataset.examples[0].groups) == {"class", "group", "source"}
    assert dataset.remarks == ()
