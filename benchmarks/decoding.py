"""Token after token with a cache: one that grows, or on a GPU one of a fixed size in a CUDA graph."""

from collections.abc import Callable

import torch
from sidebyside import Task
from torch import Tensor
from transformers.cache_utils import Cache, StaticCache

Step = Callable[[], None]


class Greedy:
    """A model, a cache and the last token (B, 1): `step` adds the likeliest next one, `begin` goes back to the prompt.

    `forward`: the model's, compiled or not. A prompt is always read by the model as it is.
    """

    def __init__(self, model: torch.nn.Module, prompt: Tensor, cache: Cache, forward: Callable | None = None):
        self.model, self.prompt, self.cache = model, prompt, cache
        self.forward = model.forward if forward is None else forward
        self.token, self.first = prompt[:, -1:].clone(), prompt[:, -1:].clone()

    @torch.no_grad()
    def begin(self) -> None:
        """Read the prompt into the cache; or, where the cache can be cropped, take out what was added since."""
        n_past = self.cache.get_seq_length()
        if isinstance(self.cache, StaticCache):
            self.cache.reset()
        elif n_past:
            self.cache.crop(self.prompt.shape[1] - n_past)
            self.token.copy_(self.first)
            return
        self._choose(self.model(input_ids=self.prompt, past_key_values=self.cache, logits_to_keep=1).logits)
        self.first.copy_(self.token)

    @torch.no_grad()
    def step(self) -> None:
        self._choose(self.forward(input_ids=self.token, past_key_values=self.cache).logits)

    def _choose(self, logits: Tensor) -> None:
        self.token.copy_(logits[:, -1:].argmax(-1))


def static(model: torch.nn.Module, prompt: Tensor, room: int, backend: object | None) -> tuple[Greedy, Step]:
    """Decoding with a cache of a fixed size, its step compiled as a whole, and in a CUDA graph where there is CUDA."""
    forward = None
    if backend is not None:
        forward = torch.compile(model.forward, backend=backend, fullgraph=True, dynamic=False)
    cache = StaticCache(config=model.config, max_cache_len=prompt.shape[1] + room)
    greedy = Greedy(model, prompt, cache, forward)
    greedy.begin()
    return greedy, in_graph(greedy.step) if prompt.is_cuda else greedy.step


def in_graph(step: Step) -> Step:
    """The step recorded, to be played again without waiting for the host. It runs twice before that, to warm up."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step()
        step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def timed(greedy: Greedy, step: Step, n: int, clock: Callable[[Step], Task]) -> Task:
    """Seconds of n steps from the prompt on; reading the prompt, or going back to it, is not in them."""

    def steps() -> None:
        for _ in range(n):
            step()

    clocked = clock(steps)

    def task() -> float:
        greedy.begin()
        return clocked()

    return task
