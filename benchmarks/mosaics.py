"""Do RDED's crops and mosaics help on small pictures? Digits at 16 px, hard and soft labels.

    python benchmarks/mosaics.py [--ipc 5] [--students 3] [--json FILE]

Students of random whole images, of the crops that a teacher recognises best, and of mosaics of such crops, all for the
same number of views; the last row shows about one cell of a mosaic at a time. Given are accuracies on test, in percent.
"""
import argparse
from dataclasses import replace
from statistics import mean, stdev
from common import record
from vldistill_nb.data import load_data
from vldistill_nb.softlabels import ClassifierConfig, HardLabels, ModelLabels, PatchConfig, Views
from vldistill_nb.softlabels import classifier, mosaics, random_images, score_classifier, select_patches
from vldistill_nb.softlabels import train_classifier

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--ipc", type=int, default=5), ap.add_argument("--students", type=int, default=3)
    ap.add_argument("--json")
    a = ap.parse_args()
    data = load_data("digits", size=16)
    cfg = ClassifierConfig(arch="test_resnet", epochs=60, bs=25, lr=2e-3, flip=False)
    lesson, teacher = replace(cfg, epochs=5, bs=64, lr=4e-3, cutmix=0.), classifier(cfg.arch, 10, seed=0)
    train_classifier(teacher, Views(data.train, lesson), HardLabels())
    print(f"teacher {score_classifier(teacher, data.test)['top1']:.1f}", flush=True)
    best = lambda n: mosaics(select_patches(data.train, a.ipc, teacher, PatchConfig(n, pool=100, scale=(.5, 1.))))
    cells = dict(crop=(.2, .4), shuffle=True)
    ways = [("random, whole", random_images(data.train, a.ipc), {}), ("best crops", best(1), {}),
            ("mosaics of best crops", best(2), {}), ("mosaics, views of about one cell", best(2), cells)]
    rows = []
    for name, imgs, change in ways:
        views, row = Views(imgs, replace(cfg, **change)), dict(images=name)
        for kind, source in (("hard", HardLabels()), ("soft", ModelLabels(teacher))):
            nets = [classifier(cfg.arch, 10, seed=1 + i) for i in range(a.students)]
            train_classifier(nets, views, source)
            row[kind] = [score_classifier(net, data.test)["top1"] for net in nets]
        rows.append(row)
        told = (f"{k} {mean(row[k]):.1f} ± {stdev(row[k]) if a.students > 1 else 0:.1f}" for k in ("hard", "soft"))
        print(f"{name}: {', '.join(told)}", flush=True)
    if a.json: record(a.json, rows)

if __name__ == "__main__": main()
