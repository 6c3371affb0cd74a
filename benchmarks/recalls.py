"""Recall on COCO's 5,000 x 25,010 scores: memory and time of `retrieval.recalls` against a plain loop over rows.

    python benchmarks/recalls.py [--images 5000] [--captions 25010] [--dim 512]
"""
import argparse, time
import torch, torch.nn.functional as F
from common import peak
from vldistill_nb.retrieval import recalls

def plain(img, txt, of, ks=(1, 5, 10)):
    "The textbook: one score matrix, a sort and a look-up for each row."
    sims = img @ txt.T
    ir = [sims[:, j].argsort(descending=True).tolist().index(i) for j, i in enumerate(of.tolist())]
    own = [torch.where(of == i)[0] for i in range(len(img))]
    tr = [torch.isin(sims[i].argsort(descending=True), own[i]).nonzero()[0].item() for i in range(len(img))]
    return {f"{way}@{k}": 100 * sum(p < k for p in ps) / len(ps) for way, ps in (("ir", ir), ("tr", tr)) for k in ks}

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, n in dict(images=5000, captions=25010, dim=512).items():
        ap.add_argument(f"--{name}", type=int, default=n)
    a, g = ap.parse_args(), torch.Generator().manual_seed(0)
    of = torch.arange(a.captions) % a.images
    img = F.normalize(torch.randn(a.images, a.dim, generator=g), dim=1)
    txt = F.normalize(img[of] + 2 * torch.randn(a.captions, a.dim, generator=g), dim=1)
    recalls(img[:8], txt[:8], of[:8])
    before, start = peak(), time.perf_counter()
    ours = recalls(img, txt, of)
    t_ours, m_ours = time.perf_counter() - start, peak() - before
    before, start = peak(), time.perf_counter()
    theirs = plain(img, txt, of)
    t_plain, m_plain = time.perf_counter() - start, peak() - before
    assert all(abs(theirs[k] - ours[k]) < 1e-9 for k in theirs), (ours, theirs)
    start = time.perf_counter()
    for _ in range(3): img @ txt[:4096].T
    rate = 3 * 2 * a.images * min(4096, a.captions) * a.dim / (time.perf_counter() - start)
    floor = 2 * a.images * a.captions * a.dim / rate
    print(f"{a.images} x {a.captions}, {torch.get_num_threads()} threads: {t_ours:.2f} s and {m_ours:.0f} MiB extra; "
          f"plain loop {t_plain:.2f} s and {m_plain:.0f} MiB more: {t_plain / t_ours:.1f} x as fast; "
          f"floor (one product at {rate / 1e9:.0f} GFLOP/s) {floor:.2f} s")

if __name__ == "__main__": main()
