"""Does the signal live? Tokens sent through stacks of fresh blocks, and the gradients of a loss sent back."""

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.load import torch_device
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.twin import seeded, state_sha256
from nearlinear.measure.signal import as_signal, measured
from nearlinear.progress import track
from nearlinear.results import making
from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance
from nearlinear.results.signal import Gradients, Look, Mask, SignalRun, SignalSpec, SignalStudy, Stack, Tokens
from nearlinear.results.store import spec_sha256

from .context import Context
from .stacks import N_TOKENS, TOKENS, context_of, embeddings, query_key_value, stack, states_of


def run(spec: SignalSpec, *, device: str = "auto") -> SignalStudy:
    """Send every sequence through every stack. Raises InputError for a text or a device that is not there."""
    started = time.perf_counter()
    making.commit(), making.library_sha256(SignalStudy.made_by)  # remembered now: the files may change meanwhile
    place, reading = torch_device(device), Reading.of(spec)
    runs, drawn = [], []
    pairs = list(product(spec.stacks, spec.seeds))
    for name, seed in track(pairs, "signal", len(pairs), unit=" stacks"):
        blocks = stack(name, L=spec.L, d=spec.d, h=spec.h, seed=seed)
        drawn.append((state_sha256(blocks[0]), sum(p.numel() for p in blocks.parameters())))
        blocks.to(place)
        for mask, tokens in product(spec.masks, spec.tokens):
            runs.append(one_run(spec, blocks, name, mask, tokens, seed, reading.ids(tokens, seed).to(place)))
    provenance = provenance_of(spec, reading, drawn, str(place), time.perf_counter() - started)
    return SignalStudy(L=spec.L, d=spec.d, h=spec.h, T=spec.T, runs=runs, provenance=provenance)


@dataclass(frozen=True)
class Reading:
    """The sequences of a study: for each seed T random tokens, or the first T bytes of an article of its own."""

    spec: SignalSpec
    source: CorpusSource
    texts: tuple[bytes, ...]

    @classmethod
    def of(cls, spec: SignalSpec) -> "Reading":
        """Raises NotEnoughTokens for a text without a document of T bytes."""
        if "text" not in spec.tokens:
            none = hashlib.sha256(b"").hexdigest()
            return cls(spec, CorpusSource(id="random tokens", sha256=none, n_documents=0), ())
        corpus = load_corpus(spec.corpus)
        texts = tuple(text.encode()[: spec.T] for text in corpus.documents)
        long = tuple(text for text in texts if len(text) == spec.T)
        if not long:
            raise NotEnoughTokens(
                f"no document of {spec.corpus!r} has {spec.T} bytes: take a longer text or fewer tokens"
            )
        return cls(spec, corpus.source, long)

    def ids(self, tokens: Tokens, seed: int) -> Tensor:
        """(T,)"""
        if tokens == "text":
            return torch.tensor(list(self.texts[seed % len(self.texts)]))
        with seeded(TOKENS + seed):
            return torch.randint(N_TOKENS, (self.spec.T,))

    @property
    def every(self) -> list[Tensor]:
        return [self.ids(tokens, seed) for tokens, seed in product(self.spec.tokens, self.spec.seeds)]


def one_run(
    spec: SignalSpec, blocks: nn.ModuleList, name: Stack, mask: Mask, tokens: Tokens, seed: int, ids: Tensor
) -> SignalRun:
    """One sequence ids (T,) through one stack, and back."""
    table = embeddings(spec.d, seed).to(ids.device)
    for weight in (weight for block in blocks for weight in query_key_value(block)):
        weight.requires_grad_(spec.gradients)
    states, off = [states_of(ids, table)], 0.0
    for x, matrix in through(blocks, states[0], context_of(mask, spec.T, device=ids.device)):
        states.append(x)
        off = max(off, from_identity(matrix))
    return SignalRun(
        stack=name,
        mask=mask,
        tokens=tokens,
        seed=seed,
        signal=as_signal(spec.depths, (measured(states[depth].detach()) for depth in spec.depths)),
        gradients=gradients(next_token_loss(states[-1], ids, table), blocks, spec.blocks) if spec.gradients else None,
        from_identity=off,
    )


def through(blocks: nn.ModuleList, x: Tensor, context: Context) -> Iterator[tuple[Tensor, Tensor]]:
    """After each block: its states x (1, T, d), and the matrix (1, h, T, T) that acted on the values in it."""
    for block in blocks:
        x = block(x, context)
        yield x, context.matrices.pop()


def from_identity(matrix: Tensor) -> float:
    """max |M − I|."""
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return float((matrix.detach() - eye).abs().max())


def next_token_loss(x: Tensor, ids: Tensor, table: Tensor) -> Tensor:
    """Mean log-loss of the next token, guessed by its embedding's product with the normalised last state, over √d."""
    logits = F.rms_norm(x[0, :-1], (x.shape[-1],)) @ table.T * x.shape[-1] ** -0.5
    return F.cross_entropy(logits, ids[1:])


def gradients(loss: Tensor, blocks: nn.ModuleList, kept: Sequence[int]) -> Gradients:
    """‖∇W‖ of the query, key and value matrices of the blocks in `kept`."""
    weights = [query_key_value(block) for block in blocks]
    found = iter(torch.autograd.grad(loss, [weight for each in weights for weight in each]))
    norms = [_norms(block, [next(found) for _ in each]) for block, each in zip(blocks, weights, strict=True)]
    query, key, value = zip(*(norms[block] for block in kept), strict=True)
    return Gradients(block=kept, query=query, key=key, value=value)


def _norms(block: nn.Module, found: Sequence[Tensor]) -> tuple[float, float, float]:
    """Of W_Q, W_K and W_V; NaN for a W_V that the block does not have."""
    parts = dict(zip(block.reads.widths, found[0].split(tuple(block.reads.widths.values())), strict=True))
    value = parts["v"] if "v" in parts else found[-1] if len(found) == 2 else None
    return parts["q"].norm().item(), parts["k"].norm().item(), math.nan if value is None else value.norm().item()


def looks(spec: SignalSpec, *, stacks: Sequence[Stack] | None = None, first: int = 32) -> list[Look]:
    """Pictures of the first tokens at every block, of the first seed and kind of tokens; all of the stacks, or some."""
    reading = Reading.of(spec)
    ids = reading.ids(spec.tokens[0], spec.seed)
    return [
        look(spec, stack(name, L=spec.L, d=spec.d, h=spec.h, seed=spec.seed), name, mask, ids, first)
        for name, mask in product(spec.stacks if stacks is None else stacks, spec.masks)
    ]


@torch.no_grad()
def look(spec: SignalSpec, blocks: nn.ModuleList, name: Stack, mask: Mask, ids: Tensor, first: int) -> Look:
    """What the first tokens of a sequence are like as they enter each block, and how it mixes them."""
    x, cosines, attention = states_of(ids, embeddings(spec.d, spec.seed)), [], []
    context, rows = context_of(mask, len(ids)), [measured(x)]
    for y, matrix in through(blocks, x, context):
        unit = F.normalize(x[0, :first], dim=-1)
        mean = matrix[0].mean(0)
        cosines.append(unit @ unit.T)
        attention.append((mean / mean.abs().amax(-1, keepdim=True))[:first, :first])
        rows.append(measured(y))
        x = y
    return Look(
        stack=name,
        mask=mask,
        tokens=spec.tokens[0],
        seed=spec.seed,
        d=spec.d,
        T=len(ids),
        cosines=torch.stack(cosines).float().numpy(),
        attention=torch.stack(attention).float().numpy(),
        signal=as_signal(range(len(rows)), rows),
    )


def provenance_of(
    spec: SignalSpec, reading: Reading, drawn: Sequence[tuple[str, int]], device: str, seconds: float
) -> Provenance:
    """How a study was made. `drawn`: for each stack and seed, the hash of its first block and its parameters."""
    commit, clean = making.commit()
    stacks = len(spec.stacks)
    model = ModelSource(
        id=f"{stacks} stacks of blocks with random weights",
        sha256=hashlib.sha256("".join(sha256 for sha256, _ in drawn).encode()).hexdigest(),
        architecture=", ".join(spec.stacks),
        n_parameters=sum(n for _, n in drawn) // len(spec.seeds),
        L=spec.L,
        d=spec.d,
        note="weights are drawn anew from each seed; the hash is of the first blocks",
    )
    sequences = reading.every
    return Provenance(
        model=model,
        corpus=reading.source,
        n_tokens=spec.T * len(sequences),
        n_windows=len(sequences),
        windows_sha256=hashlib.sha256(torch.stack(sequences).numpy().astype("<i8").tobytes()).hexdigest(),
        seed=spec.seed,
        device=device,
        dtype=spec.dtype,
        precision="exact",
        versions=making.versions(),
        seconds=round(seconds, 2),
        commit=commit,
        clean=clean,
        command=making.command(),
        library_sha256=making.library_sha256(SignalStudy.made_by),
        spec_sha256=spec_sha256(spec),
        created=making.now(),
    )
