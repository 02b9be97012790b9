"""Fitting the network to lessons: all layers, a running average of the weights."""

import copy
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.net import LAYERS, Net
from training.texts import SLOTS, Lesson

MASKED = 103
"""Id of [MASK]."""


@dataclass(frozen=True)
class Plan:
    """How to fit. Rates are peaks; each layer below the top learns `decay` times as fast as the one above."""

    epochs: int = 9
    rate: float = 3e-4
    heads_rate: float = 3e-3
    decay: float = 0.9
    dropout: float = 0.1
    noise: float = 0.05
    smoothing: float = 0.02
    found_weight: float = 1.0
    averaged: float = 0.98
    tokens: int = 1_024
    """Tokens of one step, padding included."""
    compared: float = 1.0
    """Weight of telling slots apart by comparison."""


@dataclass(frozen=True)
class Batch:
    """Windows side by side, their sentences below one another."""

    ids: Tensor
    types: Tensor
    present: Tensor
    owner: Tensor
    mask: Tensor
    there: Tensor
    polarity: Tensor
    strength: Tensor
    carried: Tensor
    """Per sentence and look, which tokens carry the stance."""


def fit(start: Net, lessons: Sequence[Lesson], plan: Plan, seed: int) -> Net:
    """A copy of `start` fitted to the lessons; the running average of its weights is what is returned."""
    torch.manual_seed(seed)
    dice = random.Random(seed)
    net = copy.deepcopy(start)
    kept = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.averaged)
    )
    optimizer = torch.optim.AdamW(_groups(net, plan), weight_decay=0.01)
    steps = plan.epochs * len(list(_packed(lessons, plan, random.Random(0))))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * steps), max(0.02, (steps - step) / (0.9 * steps)))
    )
    for epoch in range(plan.epochs):
        net.train()
        begun, losses = time.perf_counter(), []
        for some in _packed(lessons, plan, dice):
            loss = _loss(net, batch(some, plan.noise, dice), plan)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            kept.update_parameters(net)
            losses.append(loss.item())
        print(f"  seed {seed} epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.perf_counter() - begun:.0f} s")
    return kept.module


def _groups(net: Net, plan: Plan) -> list[dict]:
    """Heads, and layers from the top down. The embeddings of words stay as they came: the corpus has too few words to move them."""
    net.encoder.word.requires_grad_(requires_grad=False)
    groups = [{"params": list(net.heads.parameters()), "lr": plan.heads_rate}]
    for number, layer in enumerate(net.encoder.layers):
        groups.append({"params": list(layer.parameters()), "lr": plan.rate * plan.decay ** (LAYERS - 1 - number)})
    rest = [one for name, one in net.encoder.named_parameters() if not name.startswith(("layers.", "word."))]
    groups.append({"params": rest, "lr": plan.rate * plan.decay**LAYERS})
    return groups


def _packed(lessons: Sequence[Lesson], plan: Plan, dice: random.Random) -> Iterator[list[Lesson]]:
    """All lessons once, those of like length together, the groups in any order."""
    order = sorted(lessons, key=lambda lesson: len(lesson.window.ids) + dice.uniform(-8, 8))
    groups, group, longest = [], [], 0
    for lesson in order:
        longest = max(longest, len(lesson.window.ids))
        if group and longest * (len(group) + 1) > plan.tokens:
            groups.append(group)
            group, longest = [], len(lesson.window.ids)
        group.append(lesson)
    groups.append(group)
    dice.shuffle(groups)
    yield from groups


def batch(some: Sequence[Lesson], noise: float = 0.0, dice: random.Random | None = None) -> Batch:
    """Windows padded to the longest; with noise, some words are hidden."""
    length = max(len(lesson.window.ids) for lesson in some)
    count = sum(len(lesson.labels) for lesson in some)
    ids, types, present = (np.zeros((len(some), length), dtype=kind) for kind in (np.int64, np.int64, np.float32))
    mask = np.zeros((count, length), dtype=np.float32)
    looks = len(SLOTS) + 1
    there = np.zeros((count, looks), dtype=np.float32)
    polarity, strength = (np.zeros((count, looks, 3), dtype=np.float32) for _ in range(2))
    carried = np.zeros((count, looks, length), dtype=bool)
    owner, row = [], 0
    for number, lesson in enumerate(some):
        size = len(lesson.window.ids)
        ids[number, :size], types[number, :size], present[number, :size] = lesson.window.ids, lesson.window.types, 1
        if noise and dice and dice.random() < 0.7:
            hidden = np.array([dice.random() < noise for _ in range(size)]) & (lesson.window.ids > 999)
            ids[number, :size][hidden] = MASKED
        for target, labels in zip(lesson.window.targets, lesson.labels, strict=True):
            mask[row, slice(*target.tokens)] = 1
            for label in labels:
                for look in (label.slot, looks - 1):
                    there[row, look] = 1
                    polarity[row, look, label.polarity] += 1
                    strength[row, look, label.strength] += 1
                    carried[row, look, slice(*label.tokens)] = True
            owner.append(number)
            row += 1
    arrays = (ids, types, present, np.array(owner), mask, there, polarity, strength, carried)
    return Batch(*(torch.from_numpy(array) for array in arrays))


def judge(net: Net, lot: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the heads say of the sentences of a batch. In full floats: a processor without bfloat16 of its own needs ten times as long for it."""
    return net.heads(net.encoder(lot.ids, lot.types, lot.present)[lot.owner], lot.mask)


def _loss(net: Net, lot: Batch, plan: Plan) -> Tensor:
    presence, polarity, strength, looks = judge(net, lot)
    wanted = lot.there * (1 - 2 * plan.smoothing) + plan.smoothing * 0.5
    found = torch.tensor(plan.found_weight)
    at = lot.there[:, :-1].any(-1)
    loss = (
        functional.binary_cross_entropy_with_logits(presence, wanted, pos_weight=found, reduction="none").sum(-1).mean()
    )
    if at.any():
        # which slot it is, given that it is any, is learned faster by comparison than by seventeen questions apart
        shares = lot.there[at, :-1] / lot.there[at, :-1].sum(-1, keepdim=True)
        loss = loss + plan.compared * functional.cross_entropy(presence[at, :-1], shares, label_smoothing=0.05)
        at = lot.there > 0
        loss = loss + _cross(polarity[at], lot.polarity[at]) + 0.25 * _cross(strength[at], lot.strength[at])
        inside = (looks[at] * lot.carried[at]).sum(-1)
        loss = loss - 0.1 * torch.log(inside + 1e-4).mean()
    return loss


def _cross(logits: Tensor, counts: Tensor) -> Tensor:
    """Cross-entropy with the shares of what was labelled, smoothed."""
    shares = counts / counts.sum(-1, keepdim=True) * 0.94 + 0.02
    return -(shares * torch.log_softmax(logits, -1)).sum(-1).mean()


@torch.no_grad()
def verdicts(net: Net, lessons: Sequence[Lesson]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per sentence in order: probability of each look, and of each polarity under it."""
    net.eval()
    found = []
    for lesson in lessons:
        presence, polarity, _, _ = judge(net, batch([lesson]))
        found += list(zip(torch.sigmoid(presence).numpy(), torch.softmax(polarity, -1).numpy(), strict=True))
    return found
