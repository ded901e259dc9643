"""Labelled tasks: the packaged ones as they are, how they are parted, and the hub's from a hub that is made up."""

import io
import re
import sys
import tarfile
from collections import Counter
from types import SimpleNamespace

import pytest

from nearlinear.errors import BrokenFile, InputError, NoNetwork
from nearlinear.inputs import task_hub
from nearlinear.inputs.cache import cache_dir, sha256_file
from nearlinear.inputs.task_examples import Example, balanced, examples_sha256, parted, with_shuffled_labels
from nearlinear.inputs.task_sdist import fetch_sdist, tar_member
from nearlinear.inputs.task_sentiment import once, rated
from nearlinear.inputs.task_wordnet import MOST, forms, pairs_of, senses_of
from nearlinear.inputs.tasks import TASKS, Task, TaskCard, check_classes, load_task

KNOWN = {
    "film-sentences": (6984, 980, 1998, "60c669e6d1c1bf1308d602aa6f462d86fa91f66ac8e59a592b272b4a7f89335e"),
    "wordnet-contexts": (5742, 820, 1642, "cd6a7cdae261e67a13de187cb150b86129b913a62fbd08cc6e1d992b85441f9b"),
}
PARTS = ("train", "choose", "test")


@pytest.fixture(scope="module")
def loaded():
    return {name: load_task(name) for name in KNOWN}


@pytest.mark.parametrize("name", KNOWN)
def test_packaged_tasks_are_the_same_everywhere(loaded, name):
    task = loaded[name]
    assert (len(task.train), len(task.choose), len(task.test), task.sha256) == KNOWN[name]
    assert (task.source.id, task.source.n_documents, task.source.sha256) == (name, sum(KNOWN[name][:3]), task.sha256)


@pytest.mark.parametrize("name", KNOWN)
def test_no_text_and_no_group_is_in_two_parts(loaded, name):
    for of in (lambda e: {e.group}, lambda e: {e.text}, lambda e: set(e.texts[-2:])):
        parts = [set().union(*map(of, getattr(loaded[name], part))) for part in PARTS]
        assert sum(map(len, parts)) == len(set.union(*parts))


@pytest.mark.parametrize("name", KNOWN)
def test_every_part_has_as_many_examples_of_either_class(loaded, name):
    for part in PARTS:
        first, second = Counter(example.label for example in getattr(loaded[name], part)).values()
        assert first == second
    assert loaded[name].majority == 0.5


def test_another_seed_parts_a_task_otherwise(loaded):
    other = load_task("wordnet-contexts", seed=1)
    assert other.sha256 != loaded["wordnet-contexts"].sha256
    both = {example.group for example in other.test} & {example.group for example in loaded["wordnet-contexts"].test}
    assert 0 < len(both) < len({example.group for example in other.test}) / 2


def test_how_the_examples_read(loaded):
    film = loaded["film-sentences"]
    label = {example.text: example.label for example in (*film.train, *film.choose, *film.test)}
    assert label["Effective but too tepid biopic"] == 0
    assert label["Offers that rare combination of entertainment and education."] == 1
    assert all(text == " ".join(text.split()) for text in label)
    words = loaded["wordnet-contexts"].train
    assert all(len(example.texts) == 3 and example.text == "\n".join(example.texts) for example in words)
    assert Example(("unit", "the word is a basic linguistic unit", "units of nucleic acids"), 0, "unit") in words


def test_a_word_says_nothing_of_its_label(loaded):
    """Every word gives as many pairs of either label, and few of them."""
    task = loaded["wordnet-contexts"]
    every = [example for part in PARTS for example in getattr(task, part)]
    two, one = (Counter(each.texts[0] for each in every if each.label == label) for label in (0, 1))
    assert two == one
    assert max(one.values()) <= MOST * 4  # as noun, verb, adjective and adverb


def test_the_word_stands_in_both_sentences(loaded):
    for word, *sentences in (example.texts for example in loaded["wordnet-contexts"].test):
        assert all(forms(word) & set(re.findall("[a-z]+", sentence.lower())) for sentence in sentences)


def test_every_card_says_what_whose_and_that_it_is_not_the_real_thing():
    for name, card in TASKS.items():
        assert all((card.what, card.licence, card.attribution, card.note))
        assert len(card.labels) == 2
        assert bool(card.stands_in_for) == (not name.startswith("hf:"))
        if card.stands_in_for:
            assert f"not {card.stands_in_for.split(' ')[0]}" in card.note


def test_an_unknown_task_lists_the_known_ones():
    with pytest.raises(
        InputError, match=r"^no task 'sst2': give one of film-sentences, wordnet-contexts, hf:glue:sst2"
    ):
        load_task("sst2")


def made(*labels, name="planted"):
    examples = tuple(Example((f"text {k}",), label, str(k)) for k, label in enumerate(labels))
    card = TaskCard("?", "", "", "", "", ("bad", "good"), lambda seed: (examples, examples, examples))
    return Task(name, card, examples, examples, examples)


def test_a_missing_class_is_one_sentence(monkeypatch):
    with pytest.raises(InputError) as caught:
        check_classes(made(1, 1, 1))
    assert str(caught.value) == (
        "the task 'planted' has no example of 'bad' in its part 'train': take another seed, or a larger task"
    )
    monkeypatch.setitem(TASKS, "planted", made(0, 0).card)
    with pytest.raises(InputError, match="no example of 'good'"):
        load_task("planted")
    check_classes(made(0, 1))


def test_the_majority_is_that_of_the_training_part():
    task = made(0, 1, 1, 1)
    assert task.majority == 0.75
    assert Task("", task.card, task.train, task.choose, task.test[:1]).majority == 0.0


def examples(n, *, per_group=3):
    return tuple(Example((f"text {k}",), int(k % 3 == 0), str(k // per_group)) for k in range(n))


def test_parts_hold_whole_groups_and_nearly_their_shares():
    """30 % of class 1: nine examples a group, three of them 1; after balancing two thirds are left."""
    parts = parted(examples(900, per_group=9), seed=4)
    assert [len(part) for part in parts] == pytest.approx([420, 60, 120], abs=12)
    groups = [{example.group for example in part} for part in parts]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 100
    assert parts == parted(examples(900, per_group=9), seed=4) != parted(examples(900, per_group=9), seed=5)


def test_one_group_cannot_be_parted():
    with pytest.raises(InputError, match=r"^a task needs examples of two groups or more"):
        parted(examples(9, per_group=9), seed=0)


def test_balancing_drops_from_the_larger_class_alone_and_keeps_the_order():
    kept = balanced(examples(30), seed=0)
    assert Counter(example.label for example in kept) == {0: 10, 1: 10}
    assert [example for example in examples(30) if example.label] == [example for example in kept if example.label]
    assert list(kept) == [example for example in examples(30) if example in kept]
    assert kept != balanced(examples(30), seed=1)


def test_shuffled_labels_are_the_same_labels_on_the_same_texts():
    before, after = examples(300), with_shuffled_labels(examples(300), seed=0)
    assert [each.texts for each in before] == [each.texts for each in after]
    assert Counter(each.label for each in before) == Counter(each.label for each in after)
    changed = sum(a.label != b.label for a, b in zip(before, after, strict=True))
    assert 100 < changed < 170  # 4/9 of them by chance
    assert after == with_shuffled_labels(before, seed=0) != with_shuffled_labels(before, seed=1)


def test_the_hash_knows_texts_labels_and_parts():
    one, two = examples(6)[:3], examples(6)[3:]
    known = examples_sha256(one, two)
    assert known == examples_sha256(one, two)
    moved = examples_sha256((*one, two[0]), two[1:])
    relabelled = examples_sha256((Example(one[0].texts, 1 - one[0].label, one[0].group), *one[1:]), two)
    assert len({known, moved, relabelled}) == 3


def test_only_clear_ratings_count():
    table = "1\t0.5\tso\r\n2\t0.51\tgood\r\n3\t-2.0\tbad \t bad\r\n4\t-0.5\tmeh\r\n"
    assert [(each.text, each.label) for each in rated(table)] == [("good", 1), ("bad bad", 0)]


def test_copies_are_one_example_and_contradictions_none():
    """Case, punctuation and spaces make no other sentence."""
    table = "1\t2\tA joy!\n2\t1\ta  joy\n3\t2\tA mess\n4\t-2\ta mess.\n5\t-1\tdull\n"
    assert [(each.text, each.label) for each in once(rated(table))] == [("A joy!", 1), ("dull", 0)]


DATA = {
    "verb": """  1 a licence
00000001 29 v 02 nod 0 bob 0 000 00 | move the head; "the man nodded his head"; "she nods to him"; "she bobs up a bit"
00000002 29 v 01 nod 0 000 00 | sleep; "the old man was nodding there"; "he nodded in class"; "nodding off"
00000003 29 v 01 sleep 0 000 00 | rest; "they sleep a lot"
"""
}


def test_wordnet_is_read_right():
    senses = senses_of(DATA)
    assert senses["nod", "verb"] == [
        ("the man nodded his head", "she nods to him"),
        ("the old man was nodding there", "he nodded in class"),  # "nodding off" has two words
    ]
    assert senses["bob", "verb"] == [("she bobs up a bit",)]
    pairs = pairs_of(senses)
    assert Counter((pair.texts[0], pair.label) for pair in pairs) == {("nod", 0): 2, ("nod", 1): 2}
    for pair in pairs:
        assert pair.label == any(set(pair.texts[1:]) <= set(sentences) for sentences in senses["nod", "verb"])
        assert pair.texts[1] != pair.texts[2]


def test_words_that_share_a_sentence_are_one_group():
    """Here "dog" and "run" are joined by a sentence, and "cat" stands alone, in two kinds."""
    shared = "the dog will run far"
    senses = {
        ("dog", "noun"): [(shared, "a dog barked loudly"), ("you lucky dog you", "he is a dog indeed")],
        ("run", "verb"): [(shared, "they run very fast"), ("the river runs south", "roads that run north")],
        ("cat", "noun"): [("a cat on a mat", "the cat sat down"), ("cool cat that he was", "one hip cat here")],
        ("cat", "verb"): [("to cat an anchor", "they cat it all"), ("he did cat up", "cat it up now")],
    }
    found = {pair.texts[0]: pair.group for pair in pairs_of(senses)}
    assert found["dog"] == found["run"] != found["cat"]
    assert len({pair.group for pair in pairs_of(senses)}) == 2


@pytest.mark.parametrize(
    ("word", "some", "none"),
    [
        ("nod", {"nods", "nodded", "nodding"}, {"nodes", "nodd"}),
        ("cry", {"cries", "cried", "crying"}, {"crys", "cryed"}),
        ("large", {"larger", "largest"}, {"largeed", "larg"}),
        ("visit", {"visits", "visited"}, {"visites"}),
        ("make", {"makes", "making"}, {"makke", "makkes"}),
        ("box", {"boxes", "boxed"}, {"boxs", "boxxed"}),
    ],
)
def test_regular_forms(word, some, none):
    assert forms(word) >= some | {word}
    assert forms(word).isdisjoint(none)


# A source distribution through the real pip, from a folder made here


BACKEND = """
import pathlib
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    pathlib.Path({mark!r}).write_text("ran")
    info = pathlib.Path(folder, "demo_task-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: demo-task\\nVersion: 1.0\\n")
    return info.name
def build_wheel(*args, **kw):
    raise RuntimeError
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def sdist(tmp_path, monkeypatch):
    """A release of which pip knows the source alone; when its set-up runs it leaves the file `ran`."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(shelf), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    backend = BACKEND.format(mark=str(tmp_path / "ran")).encode()
    inner = tar(tmp_path / "inner.tar.gz", {"data/table.txt": b"1\t2\tgood\n"}).read_bytes()
    files = {
        "PKG-INFO": b"Metadata-Version: 2.1\nName: demo-task\nVersion: 1.0\n",
        "pyproject.toml": PROJECT.encode(),
        "backend.py": backend,
        "more/inner.tar.gz": inner,
    }
    return tar(shelf / "demo_task-1.0.tar.gz", {f"demo_task-1.0/{name}": content for name, content in files.items()})


def test_a_source_distribution_is_fetched_once_and_read_without_unpacking(sdist):
    sha256 = sha256_file(sdist)
    got = fetch_sdist("demo-task", "1.0", sha256)
    assert got.is_relative_to(cache_dir())
    sdist.unlink()
    assert fetch_sdist("demo-task", "1.0", sha256) == got
    assert tar_member(tar_member(got, "*/inner.tar.gz"), "data/*.txt") == b"1\t2\tgood\n"


def test_nothing_of_another_file_than_the_one_we_know_is_run_or_kept(sdist, tmp_path):
    with pytest.raises(BrokenFile, match=r"^demo-task==1\.0 is not the file we know"):
        fetch_sdist("demo-task", "1.0", "0" * 64)
    assert not (tmp_path / "ran").exists()
    assert list((cache_dir() / "sdists").iterdir()) == []


def test_no_network_is_one_sentence(sdist):
    sdist.unlink()
    with pytest.raises(NoNetwork, match=r"^demo-task==1\.0 is not in the cache and pip could not download it: connect"):
        fetch_sdist("demo-task", "1.0", "0" * 64)


def test_a_broken_archive_is_one_sentence(sdist):
    got = fetch_sdist("demo-task", "1.0", sha256_file(sdist))
    with pytest.raises(BrokenFile, match="has no nothing: delete it and try again"):
        tar_member(got, "nothing")
    sha256 = sha256_file(got)
    got.write_bytes(got.read_bytes()[:200])
    with pytest.raises(BrokenFile, match="truncated or altered"):
        tar_member(got, "*/inner.tar.gz")
    assert sha256_file(fetch_sdist("demo-task", "1.0", sha256)) == sha256  # fetched again


# Tasks of a hub that is made up


@pytest.fixture
def hub(monkeypatch):
    """Two data sets of GLUE's and SuperGLUE's shape; it notes what it was asked for."""
    asked = []

    def load_dataset(name, config, split, revision):
        asked.append((name, config, split, revision))
        if config == "sst2":
            return [{"sentence": f"{split}  {k} ", "label": k % 2, "idx": k} for k in range(40)]
        if config == "wic":
            words = [(f"{split} {k // 4}", k % 2) for k in range(80)]
            return [
                {"word": w, "sentence1": f"{w} a{i}", "sentence2": f"{w} b{i}", "label": y}
                for i, (w, y) in enumerate(words)
            ]
        if config in ("boolq", "multirc", "cb"):
            columns = {"boolq": "question passage", "multirc": "question answer paragraph", "cb": "hypothesis premise"}
            long = {"boolq": "passage", "multirc": "paragraph", "cb": "premise"}[config]
            return [
                {name: f"{split} {name} {k // 4 if name == long else k}" for name in columns[config].split()}
                | {"label": k % (3 if config == "cb" else 2)}
                for k in range(60)
            ]
        raise ValueError

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr(task_hub, "check_dataset", lambda _: None)
    return asked


def test_tasks_of_the_hub_come_through_the_same_door(hub):
    task = load_task("hf:glue:sst2")
    assert [(name, config, split) for name, config, split, _ in hub] == [
        ("nyu-mll/glue", "sst2", "train"),
        ("nyu-mll/glue", "sst2", "validation"),
    ]
    assert {example.text.split(" ")[0] for example in (*task.train, *task.choose)} == {"train"}
    assert [example.text for example in task.test][:2] == ["validation 0", "validation 1"]
    assert (len(task.train), len(task.choose), len(task.test)) == (35, 5, 40)


def test_pairs_of_the_hub_are_parted_by_word(hub):
    task = load_task("hf:super_glue:wic")
    train, choose = ({example.texts[0] for example in part} for part in (task.train, task.choose))
    assert train.isdisjoint(choose)
    assert len(train) + len(choose) == 20
    assert all(len(example.texts) == 3 for example in task.train)
    assert hub[0][3] == task_hub.PARQUET


@pytest.mark.parametrize(("name", "long"), [("boolq", "passage"), ("multirc", "paragraph"), ("cb", "premise")])
def test_the_papers_tasks_are_told_as_texts_and_parted_by_what_is_read(hub, name, long):
    """The question stands first: what is cut off a long text is the end of the passage."""
    task = load_task(f"hf:super_glue:{name}")
    assert task.test[5].texts[-1] == f"{long}: validation {long} 1"
    assert task.test[5].texts[0].endswith(" 7" if name == "cb" else " 5")
    assert task.test[5].texts[0].startswith(f"{'hypothesis' if name == 'cb' else 'question'}: validation")
    train, choose = ({example.texts[-1] for example in part} for part in (task.train, task.choose))
    assert train.isdisjoint(choose)
    assert len(train) + len(choose) == 15
    assert hub[0][3] == task_hub.PARQUET
    assert {example.label for example in (*task.train, *task.choose, *task.test)} == {0, 1}
    assert len(task.test) == (40 if name == "cb" else 60)  # a third of those made up are neutral


def test_a_hub_that_does_not_answer_is_one_sentence(monkeypatch):
    def load_dataset(*args, **kw):
        raise ConnectionError

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr(task_hub, "check_dataset", lambda _: None)
    with pytest.raises(NoNetwork, match="the Hugging Face hub does not answer"):
        load_task("hf:glue:sst2")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"^nyu-mll/glue needs the package datasets: pip install datasets$"):
        load_task("hf:glue:sst2")
