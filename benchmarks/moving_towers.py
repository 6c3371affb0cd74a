"""Do pairs learn from experts whose tower moves? OpenMoji at 64 px, 16 pairs, four inner steps.

    python benchmarks/moving_towers.py [--towers lite0 ...] [--steps 30] [--json FILE]

For each tower one `image` expert is recorded on 640 real pairs (one epoch), and 16 pairs are matched with it. Given are
the rates that the search finds and the matching loss with them (2 is a student that does not move); for lite0 also what
becomes of the loss, with the exact gradient and with TESLA's. Towers: pretrained lite0 (ReLU6, batch norm), resnet18
(ReLU, batch norm), nfnet_l0 (SiLU, standardised weights), a small ViT (GELU, layer norm), and that ViT with LoRA
adapters; all but the first untrained.
"""
import argparse, tempfile, time
from common import record

TOWERS = {"lite0": "lite0", "resnet18": "timm:resnet18", "nfnet_l0": "timm:nfnet_l0",
          "vit": "timm:vit_tiny_patch16_224", "vit+lora": "timm:vit_tiny_patch16_224"}

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--towers", nargs="+", choices=TOWERS, default=list(TOWERS))
    ap.add_argument("--steps", type=int, default=30), ap.add_argument("--json")
    a = ap.parse_args()
    import torch
    from vldistill_nb.data import load_data
    from vldistill_nb.distill import Callback, DistillConfig, distill, initial_pairs
    from vldistill_nb.encoders import DualEncoder, image_encoder, text_encoder
    from vldistill_nb.experts import ExpertConfig, record_experts
    from vldistill_nb.lora import LoraSettings, add_lora
    from vldistill_nb.trajectory import TrajectoryConfig, TrajectoryMatching
    class Losses(Callback):
        def before_fit(self, run): self.seen = []
        def after_step(self, run): self.seen.append(run.metrics)
    data, rows = load_data("openmoji", size=64).train.subset(range(640)), []
    for name in a.towers:
        tower = image_encoder(TOWERS[name], pretrained=name == "lite0")
        enc = DualEncoder(tower, text_encoder("minilm"), embed_dim=256).eval()
        if name.endswith("+lora"): enc = add_lora(enc, LoraSettings(rank=4))
        with tempfile.TemporaryDirectory() as tmp:
            experts = record_experts(enc, data, 1, tmp, ExpertConfig("image", epochs=1, bs=64, lr_img=0.03, lr_txt=0.1))
            first = initial_pairs(data, 16, enc, seed=0)
            for way in ("exact", "tesla") if name == "lite0" else ("exact",):
                begin, log = time.process_time(), Losses()
                o = TrajectoryMatching(experts, enc, TrajectoryConfig(steps=4, starts=1, mode=way))
                pairs = o.prepare(first)
                found = time.process_time() - begin
                steps = a.steps if name == "lite0" else 1
                distill(pairs, o, DistillConfig(steps=steps, lr_img=.015, lr_txt=.01, clip_grad=.01), callbacks=[log])
                loss, mean = [m["loss"] for m in log.seen], lambda x: sum(x) / max(1, len(x))
                rates = {k: [m[k] for m in log.seen] for k in ("rate_img", "rate_txt")}
                row = dict(tower=name, way=way, search_seconds=found, seconds=time.process_time() - begin - found,
                           rates={s: r.item() for s, r in pairs.lrs.items()}, first=loss[0], first5=mean(loss[:5]),
                           last5=mean(loss[-5:]), lowest=min(loss), least_rate=min(min(r) for r in rates.values()),
                           left_out=sum(m.get("left_out", 0) for m in log.seen))
                rows.append(row)
                print(f"{name:9} {way:6} rates {', '.join(f'{r:.3g}' for r in row['rates'].values())}: loss {loss[0]:.3f}, "
                      f"first five {row['first5']:.3f}, last five {row['last5']:.3f}; least rate {row['least_rate']:.2g}; "
                      f"{row['seconds'] / steps:.1f} s a step, search {found:.0f} s", flush=True)
        if a.json: record(a.json, rows)

if __name__ == "__main__": main()
