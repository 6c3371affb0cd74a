"""Accuracy over all bytes of labels: every cheap way to have soft labels beside hard ones, tables and the projector.

    python benchmarks/compression.py [--data emoji glyphs] [--ipc 1 3] [--draws 3] [--students 2] [--only FAMILY ...]
                                     [--sets DIR] [--keep DIR] [--steps] --json FILE

Data: glyphs.py draws 251 letters and digits in 82 fonts, test fonts apart; emoji.py 127 emoji by nine makers, test
makers apart (`--sets` holds their packages). Networks, teachers and students alike, are timm's `test_resnet`, 0.4
million weights, so that draws can be repeated; rates go down a cosine to zero, and soft labels teach by GIFT's loss
unless a row says otherwise. A *draw* is a choice of images, its
views, and everything learned on them; its students differ in their first weights and share views.
The teacher learns all real images. Its logits on every view are the `stored` table; everything else has fewer bytes:
a number in 4 or 2 bits; the largest 5 (by KL); the first epochs of views, over and over (label pruning), in four bits;
the same with hard labels in the middle (HALD); one vector a class, mixed by area; a small network of its own, in eight
bits; a head on a public tower (`lite0`), alone or of what class means leave; and HeLlO's projector, aligned with class
names by projections of ours, which count, or with corrections of convolutions.
`bytes` counts all that ships and is not public; `explained` is the share of the teacher's variance on these views.
Rows that FILE has already are kept: a run that was stopped goes on. One row holds one draw of one family.
"""
import argparse, json, math, time
from dataclasses import replace
from functools import cached_property
from pathlib import Path
import torch
from torch.nn import functional as F
import emoji, glyphs
from common import record
from vldistill_nb.compression import SmallNet, class_means, few_bits, image_labels, quantised, recovered, top_k
from vldistill_nb.data import load_data
from vldistill_nb.encoders import dual_encoder, image_encoder
from vldistill_nb.lightlabels import load_deltas, pack_deltas
from vldistill_nb.projector import (HeadSums, LabelProjector, RankConfig, TransferConfig, align_encoder, centred,
                                    explained, load_teachers, save_teachers, transfer)
from vldistill_nb.retrieval import summary
from vldistill_nb.softlabels import (ClassifierConfig, HardLabels, ModelLabels, StoredLabels, Views, class_data,
                                     classifier, random_images, score_classifier, train_classifier)

ARCH = "test_resnet"
SIZE = dict(glyphs=24, emoji=24)                                # pixels a side
TEACH = dict(glyphs=12, emoji=120)                              # epochs of the teacher
EPOCHS = {1: 60, 3: 30}                                         # of students, by images a class
LESSONS = 15_000                                                # views that small networks and corrections learn
HEAD = 6_000                                                    # views that a head alone is solved from
LOOK = 48                                                       # side at which the public tower sees views
TEMPLATE = dict(glyphs="the {}", emoji="a picture of a {}")

class Bench:
    "A data set, its teacher, and one draw of images with the table of its views."
    def __init__(self, name, ipc, draw, a):
        if name == "glyphs": glyphs.write("runs/glyphs", SIZE[name])
        else: emoji.write(a.sets, "runs/emoji", SIZE[name])
        self.name, self.ipc, self.draw, self.keep = name, ipc, draw, Path(a.keep)
        self.data = class_data(load_data(f"folder:runs/{name}", size=SIZE[name], progress=False))
        self.teacher = self._teacher()
        self.best = ModelLabels(self.teacher)
        self.images = random_images(self.data.train, ipc, seed=draw)
        self.cfg = self.recipe(epochs=EPOCHS[ipc], bs=32, seed=100 + draw)
        self.views = Views(self.images, self.cfg)
        self.own = Views(self.images, self.recipe(bs=32, seed=200 + draw))            # never those of students
        self.passes = lambda n: math.ceil(n / len(self.images))
        self.table = StoredLabels.record(self.views, self.teacher, EPOCHS[ipc])
        self.lessons = StoredLabels.record(self.own, self.teacher, self.passes(LESSONS))

    def recipe(self, **changes):
        "How classifiers learn here; letters are not mirrored."
        how = dict(loss="cosine", schedule="cosine", flip=self.name == "emoji", lr=2e-3)
        return ClassifierConfig(arch=ARCH, **how | changes)

    def _teacher(self):
        "The last of one run on all real images: read if it is there, else trained and kept."
        file, n = self.keep / f"{self.name}.safetensors", len(self.data.classes)
        if not file.exists():
            cfg = replace(self.recipe(epochs=TEACH[self.name], bs=64, smoothing=0.1), lr=4e-3)
            net = classifier(ARCH, n, seed=0)
            state = train_classifier(net, Views(self.data.train, cfg), HardLabels(), keep=1).states[0]
            self.keep.mkdir(parents=True, exist_ok=True)
            save_teachers(file, ARCH, state, data=self.data.fingerprint)
        return load_teachers(file, n, data=self.data.fingerprint).nets[-1]

    def score(self, net): return score_classifier(net, self.data.test)["top1"]

    def students(self, source, cfg, n):
        "Top-1 on test of students that share views and labels."
        nets = [classifier(ARCH, len(self.data.classes), seed=1000 * self.draw + s) for s in range(n)]
        train_classifier(nets, self.views, source, cfg)
        return [self.score(net) for net in nets]

    def explains(self, source):
        "Share of the teacher's variance on views of students, as many epochs as all have."
        return round(explained(source, self.table, self.views, range(2)), 4)

    def seen_at(self, look, lessons, epochs):
        "What the public tower makes of views, at a side of so many pixels: of a head's lessons, and of students."
        tower = image_encoder(f"lite0@{look}")
        feats = lambda views, epochs: F.normalize(tabled(ModelLabels(tower.folded()), views, epochs, tower.dim), dim=-1)
        return feats(self.own, self.passes(lessons)), feats(self.views, epochs)

    @cached_property
    def seen(self): return self.seen_at(LOOK, HEAD, self.cfg.epochs)

    @cached_property
    def means(self): return class_means(image_labels(self.own, self.best, 8), self.images)

def tabled(source, views, epochs, width):
    "Anything that a source says of every view: `[epochs, n, width]`."
    table = torch.empty(epochs, len(views), width)
    for epoch, step in ((e, s) for e in range(epochs) for s in range(views.n_steps)):
        view = views.batch(epoch, step)
        table[epoch, view.idx] = source(view, epoch, step)
    return table

# A family makes of a bench: labels, bytes, and how students differ from the recipe.

def small(b, width):
    "A network of its own, taught on other views of the same images."
    net = SmallNet(width, len(b.data.classes))
    cfg = replace(b.own.cfg, epochs=b.passes(LESSONS), lr=6e-3, loss="mse", beta=0.0, weight_decay=0.0)
    train_classifier(net, b.own, b.lessons, cfg)
    net, size = quantised(net)
    return ModelLabels(net), size

def shipped(p):
    "A projector as it ships in eight bits, and its bytes."
    deltas = pack_deltas(p, "int8")
    return load_deltas(p, deltas), sum(t.nbytes for t in deltas.values())

def head(b, rank, means=False, seen=None, mu=1e-3):
    "A head of low rank on raw features of the public tower; with means, of what those leave."
    (own, seen), n = seen or b.seen, len(b.data.classes)
    p = LabelProjector(dual_encoder(f"lite0@{LOOK}", "tiny", embed_dim=16), b.data.classes, raw=True,
                       ranks=RankConfig(conv=0, head=rank))
    target = centred(b.lessons.table[:len(own)].float().flatten(0, 1))
    if means: target = target - centred(tabled(b.means, b.own, len(own), n).flatten(0, 1))
    p.set_head(HeadSums.of(own.flatten(0, 1), target), mu)
    p, size = shipped(p)
    table = p.logits(seen.flatten(0, 1)).view(*seen.shape[:2], n)
    if means: table, size = table + tabled(b.means, b.views, len(table), n), size + b.means.nbytes
    return StoredLabels(table.half(), b.views.key), size

def corrected(b, rank):
    "The same with low-rank corrections of the tower's convolutions, which descend."
    p = LabelProjector(dual_encoder(f"lite0@{LOOK}", "tiny", embed_dim=16), b.data.classes, raw=True,
                       ranks=RankConfig(conv=8, head=rank))
    transfer(p, b.own, b.lessons, TransferConfig(epochs=len(b.lessons.table), ce=0, sums=HEAD))
    p, size = shipped(p)
    return p.as_labels(), size

def aligned(b, rank):
    "A head from class names on projections that learned OpenMoji's captions, and must ship: in float32, as they did."
    world = load_data("openmoji", progress=False).train
    encoder = align_encoder(dual_encoder(f"lite0@{LOOK}", "minilm", embed_dim=64), world)
    p = LabelProjector(encoder, b.data.classes, template=TEMPLATE[b.name], ranks=RankConfig(conv=0, head=rank))
    transfer(p, b.own, b.lessons, TransferConfig(epochs=b.passes(HEAD), ce=0, sums=HEAD))
    p, size = shipped(p)
    return p.as_labels(), size + sum(t.nbytes for k, t in encoder.state_dict().items() if "_proj." in k)

def pooled(b, epochs):
    "Labels of the first epochs alone, in four bits."
    return few_bits(StoredLabels(b.table.table[:epochs], b.table.key), 4)

def told(labels, **changes):
    "A source that knows what it weighs."
    return labels, labels.nbytes, changes

KL, SMOOTH = dict(loss="kl", beta=0.0), dict(smoothing=0.1)
FAMILIES = {
    "hard": lambda b: (HardLabels(), 0, {}),
    "hard, smoothed": lambda b: (HardLabels(), 0, SMOOTH),
    "stored": lambda b: told(b.table),
    "stored, KL": lambda b: told(b.table, **KL),
    "stored, MSE": lambda b: told(b.table, loss="mse"),
    "4 bits": lambda b: told(few_bits(b.table, 4)),
    "2 bits": lambda b: told(few_bits(b.table, 2)),
    "top 5": lambda b: told(top_k(b.table, 5), loss="kl", beta=0.0, temperature=2.0),     # the floor of LPQLD
    "pruned, 8 epochs": lambda b: told(pooled(b, 8), pool=8),
    "pruned, 2 epochs": lambda b: told(pooled(b, 2), pool=2),
    "HALD, 8 epochs": lambda b: told(pooled(b, 8), pool=8, hard=(0.25, 0.75), **SMOOTH),
    "class means": lambda b: told(b.means),
    "small network, 12": lambda b: (*small(b, 12), {}),
    "small network, 24": lambda b: (*small(b, 24), {}),
    "head, rank 64": lambda b: (*head(b, 64), {}),
    "means and head, rank 16": lambda b: (*head(b, 16, True), {}),
    "means and head, rank 64": lambda b: (*head(b, 64, True), {}),
    "projector, aligned": lambda b: (*aligned(b, 64), {}),
    "projector, corrected": lambda b: (*corrected(b, 64), {}),
}
ONCE = "projector, aligned", "projector, corrected"              # of the first draw alone: they cost most

def row_of(b, family, n):
    "One draw of one family."
    start = time.perf_counter()
    labels, size, changes = FAMILIES[family](b)
    share = None if family in ("hard", "hard, smoothed", "top 5") else b.explains(labels)
    tops = b.students(labels, replace(b.cfg, **changes), n)
    return dict(data=b.name, ipc=b.ipc, draw=b.draw, family=family, bytes=size, table=b.table.nbytes, explained=share,
                teacher=b.score(b.teacher), seconds=round(time.perf_counter() - start),
                top1=summary([dict(top1=t) for t in tops])["top1"])

def steps(b):
    "What a head explains of the table: by the side at which its tower looks, its rank, its ridge, and what it corrects."
    most = len(b.data.classes)
    for look in (32, 48, 64):
        seen = b.seen_at(look, 4000, 4)
        for rank, mu, means in ((r, mu, m) for r in (16, 64, most) for mu in (1e-3, 1e-1, 1.0, 10.0) for m in (0, 1)):
            labels, size = head(b, rank, bool(means), seen, mu)
            share = round(explained(labels, b.table, b.views, range(4)), 4)
            print(f"{look} px, rank {rank}, ridge {mu}, {'means' * means}: explains {share}, {size:,} bytes", flush=True)
            yield dict(data=b.name, ipc=b.ipc, look=look, rank=rank, mu=mu, means=means, explained=share, bytes=size)

def over_draws(rows):
    "Every family over its draws: mean of each, and the share of what stored labels bring that it recovers."
    cells = {}
    for r in rows: cells.setdefault((r["data"], r["ipc"]), {}).setdefault(r["family"], {})[r["draw"]] = r
    for (data, ipc), found in sorted(cells.items()):
        hard = max((f for f in found if f.startswith("hard")), key=lambda f: found[f][0]["top1"]["mean"], default=None)
        for family, draws in found.items():
            own, last = sorted(draws), draws[max(draws)]
            row = dict(data=data, ipc=ipc, family=family, bytes=last["bytes"], table=last["table"],
                       top1=dict(runs=[draws[d]["top1"]["mean"] for d in own]), teacher=last["teacher"])
            shares = [draws[d]["explained"] for d in own]
            if None not in shares: row["explained"] = dict(runs=shares)
            if len(own) > 1 and hard and all(set(own) <= set(found.get(f, ())) for f in (hard, "stored")):
                scores = [[found[f][d]["top1"]["runs"] for d in own] for f in (family, hard, "stored")]
                row["recovered"] = recovered(*scores)
            yield row

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", nargs="+", default=["emoji", "glyphs"], choices=list(SIZE))
    ap.add_argument("--ipc", type=int, nargs="+", default=[1, 3], choices=list(EPOCHS))
    ap.add_argument("--draws", type=int, default=3), ap.add_argument("--students", type=int, default=2)
    ap.add_argument("--only", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    ap.add_argument("--sets", default="runs/emoji-sets"), ap.add_argument("--keep", default="runs/compression")
    ap.add_argument("--json", required=True)
    ap.add_argument("--steps", action="store_true", help="no students: what heads explain, of the first data and draw")
    a = ap.parse_args()
    if a.steps: return record(a.json, [*steps(Bench(a.data[0], a.ipc[0], 0, a))], lessons=4000)
    rows = json.loads(Path(a.json).read_text())["rows"] if Path(a.json).exists() else []
    of = lambda r: (r["data"], r["ipc"], r["draw"], r["family"])
    for ipc, name, draw in ((i, n, d) for i in a.ipc for n in a.data for d in range(a.draws)):
        todo = [f for f in a.only if (name, ipc, draw, f) not in set(map(of, rows)) and not (draw and f in ONCE)]
        bench = Bench(name, ipc, draw, a) if todo else None
        for family in todo:
            r = row_of(bench, family, a.students)
            rows.append(r)
            print(f"{name} {ipc} draw {draw} {family:24} {r['top1']['mean']:5.1f} ± {r['top1']['std']:.1f}  explains "
                  f"{r['explained']}  {r['bytes']:,} bytes  {r['seconds']} s", flush=True)
            rows.sort(key=of)
            record(a.json, rows, licences=dict(glyphs=glyphs.LICENCE, emoji=emoji.LICENCE), summary=[*over_draws(rows)],
                   student=ARCH, epochs=EPOCHS, look=LOOK, lessons=LESSONS, head=HEAD)

if __name__ == "__main__": main()
