"""Bytes of an expert, ours against the official layout, on the paper's networks; and what half precision does.

    python benchmarks/experts.py [--image-encoder timm:nfnet_l0] [--text-encoder minilm] [--images 32] [--side 64]

Random weights (nothing is downloaded). The official layout is a pickled list of all parameters for each of 11 epochs,
images and texts in separate files; one snapshot is written that way and counted eleven times. Ours keeps epochs 0, 1
and 2; what storing them in half precision does to the matching loss is told too.
"""
import argparse, tempfile, time
from pathlib import Path
import torch
from vldistill_nb.data import load_data
from vldistill_nb.encoders import dual_encoder
from vldistill_nb.experts import ExpertConfig, record_experts
from vldistill_nb.retrieval import moving

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--image-encoder", default="timm:nfnet_l0"), ap.add_argument("--text-encoder", default="minilm")
    ap.add_argument("--images", type=int, default=32), ap.add_argument("--side", type=int, default=64)
    a = ap.parse_args()
    enc = dual_encoder(a.image_encoder, a.text_encoder, pretrained=False, proj="lors-text")
    data = load_data("tiny", size=a.side).train.subset(range(a.images))
    with tempfile.TemporaryDirectory() as tmp:
        params = moving(enc, "image")
        for side in ("img", "txt"):
            own = [p.detach().clone() for k, p in params.items() if k.startswith(side)]
            torch.save([[own]], Path(tmp) / f"{side}.pt")
        official = 11 * sum((Path(tmp) / f"{s}.pt").stat().st_size for s in ("img", "txt"))
        print(f"{enc}: {sum(p.numel() for p in params.values()) / 1e6:.1f} M numbers move; "
              f"official layout {official / 2**20:,.0f} MiB an expert")
        exact, dist = None, lambda x, y: sum((x[k] - y[k]).square().sum() for k in x).sqrt()
        for dtype in ("float32", "bfloat16", "float16"):
            cfg = ExpertConfig("image", epochs=2, bs=16, lr_img=0.01, lr_txt=0.01, dtype=dtype)
            start = time.perf_counter()
            experts = record_experts(enc, data, 1, Path(tmp) / dtype, cfg)
            seconds = time.perf_counter() - start
            size = experts.manifest["files"]["expert-000.safetensors"]["bytes"]
            start = time.perf_counter()
            one, two = experts.snapshot(0, 1), experts.snapshot(0, 2)
            read = time.perf_counter() - start
            if exact is None: exact = one, two
            # the loss of a student that stayed at epoch 0, and that of one at the exact epoch 1, both towards epoch 2
            zero = experts.snapshot(0, 0)
            loss = (dist(exact[0], two) / dist(zero, two)) ** 2
            want = (dist(exact[0], exact[1]) / dist(zero, exact[1])) ** 2
            print(f"{dtype:9} {size / 2**20:6,.0f} MiB, {official / size:5.1f} x smaller; recorded in {seconds:.0f} s, "
                  f"two snapshots read in {read:.2f} s; matching loss off by {abs(loss - want) / want:.0e} of itself")

if __name__ == "__main__": main()
