"""What every study of a pruned model begins with: the model, the three texts, and a ledger that outlives a kill."""

import time
from dataclasses import dataclass, field

from nearlinear.inputs.load import load_model, torch_device
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.windows import WindowSet, check_context
from nearlinear.measure.precision import choose
from nearlinear.results import making
from nearlinear.results.provenance import Provenance
from nearlinear.results.pruning import PruningSpec
from nearlinear.results.records import Record
from nearlinear.results.store import results_cache, spec_sha256
from nearlinear.study import provenance_of

from .ledger import Ledger
from .study import Work
from .texts import three_texts


@dataclass
class Begun:
    """A study under way: `work` has the model, its texts and maps as the PruningStudy of the same texts has them."""

    spec: Record
    work: Work
    corpus: Corpus
    made_by: tuple[str, ...]
    started: float = field(default_factory=time.perf_counter)

    @property
    def ledger(self) -> Ledger:
        return self.work.ledger

    def provenance(self) -> Provenance:
        """How the result of `spec` was made: to be asked for at the end, for the seconds."""
        texts = self.work.texts
        windows = WindowSet(texts.fit, texts.choose + texts.evaluate, group="document")
        loaded, seconds = self.work.loaded, time.perf_counter() - self.started
        return provenance_of(self.spec, loaded, self.corpus, windows, self.work.precision, seconds, self.made_by)


def begin(spec: Record, study: PruningSpec, made_by: tuple[str, ...], *, device: str = "auto") -> Begun:
    """Load what `study` names, cut its texts, and open the ledger of `spec`.

    Raises InputError for what cannot be loaded, NotEnoughTokens where the text is too short.
    """
    started = time.perf_counter()
    making.commit(), making.library_sha256(made_by)  # remembered now: the files may change meanwhile
    device = torch_device(device)
    choose(study.precision, device)
    loaded = load_model(study.model, device=device, dtype=study.dtype)
    corpus = load_corpus(study.corpus)
    sizes = {name: getattr(study, name) for name in ("context", "n_fit", "n_choose", "n_evaluate", "seed")}
    texts = three_texts(corpus, loaded.tokenizer, **sizes)
    check_context(WindowSet(texts.fit, texts.choose + texts.evaluate, group="document"), loaded.context)
    ledger = results_cache() / making.working_sha256(made_by)[:16] / f"{spec_sha256(spec)[:16]}.ledger.jsonl"
    return Begun(spec, Work(study, loaded, texts, Ledger(ledger)), corpus, made_by, started)
