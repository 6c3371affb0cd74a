"""Draw nbs/images/hero.png from a finished demo: python tools/hero.py [runs/demo] [WHICH ...]

Above, real pairs; below, what they became, each with the real caption nearest to its text. WHICH are positions among
the pairs, ten by default; they are for the eye, and stand for nothing.
"""
import sys, textwrap
from pathlib import Path
import matplotlib
matplotlib.use('agg')
import matplotlib.pyplot as plt
from vldistill_nb.pipeline import read_back
from vldistill_nb.distilled import load_distilled

ROOT = Path(__file__).resolve().parent.parent

def main():
    folder, *which = sys.argv[1:] or ['runs/demo']
    which = [int(i) for i in which] or list(range(10))
    rows = [load_distilled(f'{folder}/{part}') for part in ('random', 'artifact')]
    fig, axes = plt.subplots(2, len(which), figsize=(12.2, 3.7), dpi=100)
    for name, dp, line in zip(('real', 'distilled'), rows, axes):
        caps = read_back(dp, None)
        for i, ax in zip(which, line):
            ax.imshow(dp.imgs[i].clamp(0, 1).permute(1, 2, 0), interpolation='nearest')
            ax.set(xticks=[], yticks=[])
            ax.set_xlabel(textwrap.fill(caps[i], 16), fontsize=8)
            for side in ax.spines.values(): side.set_color('0.85')
        line[0].set_ylabel(name)
    fig.tight_layout()
    fig.savefig(ROOT/'nbs'/'images'/'hero.png')

if __name__ == '__main__': main()
