"""Measured numbers in prose come from records. A comment behind a number, which no page shows, says from which:

    67.2<!--= labels-digits.json#rows[ipc=1,labels=hard]/macro -->   a file of nbs/results, the row where that holds
    0.5<!--= budgets/covariance,gamma=1-100/solved/test:sd -->       the ledger: study/row, its mean over draws
    1.3<!--= A - B -->  1.1<!--= hypot(A:se, B:se) -->               Python's arithmetic on such paths

Behind a path may stand :sd, :se, :min, :max or :n of its runs; their mean otherwise. `python tools/cite.py` fills
the numbers in, with as many decimals as the text has, and writes README.md; `--check` only says what differs.
"""
import functools, json, math, re, statistics, sys
from pathlib import Path

import readme

NBS = Path(__file__).resolve().parent.parent/'nbs'
CODE = r'(?P<ticks>`+|~{3,})(?:.*?[^`~])?(?P=ticks)(?![`~])'
NUMBER = r'(?:(?P<num>(?:(?<![\w.)])[+−-])?\d+(?:,\d{3})*(?:\.\d+)?)(?P<gap>[*_]*\s?%?[*_]*))?'
MARKED = re.compile(CODE + '|' + NUMBER + r'<!--=\s*(?P<expr>.*?)\s*-->', re.S)   # code is passed over
PATH = re.compile(r'[A-Za-z][^\s()\[\]]*[/#](?:[^\s()\[\]]|\[[^\]]*\])*(?<!,)')
STATS = dict(mean=statistics.fmean, sd=statistics.stdev, min=min, max=max, n=len,
             se=lambda runs: statistics.stdev(runs) / len(runs) ** .5)

@functools.cache
def record(file): return json.loads((NBS/'results'/file).read_text(encoding='utf-8'))

def value(path):
    "The recorded number at a path."
    if '.json#' not in path:
        from vldistill_nb.evidence import measured
        return measured(path)
    file, steps, stat = re.fullmatch(rf'(.*?)#(.*?)(?::({"|".join(STATS)}))?', path).groups()
    x = record(file)
    for step in re.split(r'/(?![^\[]*\])', steps):
        key, _, conditions = step.partition('[')
        if key: x = x[int(key) if isinstance(x, list) else key]
        if conditions:
            want = [c.split('=', 1) for c in re.split(r',(?=\w+=)', conditions[:-1])]
            found = [row for row in x if all(str(row.get(k)) == v for k, v in want)]
            if len(found) != 1: raise KeyError(f'{len(found)} items match [{conditions}')
            x = found[0]
    if isinstance(x, dict): x = x['runs']
    if isinstance(x, list): return STATS[stat or 'mean'](x)
    if stat: raise KeyError(f'one number has no :{stat}')
    return x

def written(x, like):
    "A number as the text writes it: its decimals, its commas, its kind of sign."
    whole, _, decimals = like.partition('.')
    comma = '' if re.search(r'\d{4}', whole) else ','
    size = f'{abs(x):{comma}.{len(decimals)}f}'
    if x < 0 and re.search('[1-9]', size): return ('-' if like[0] == '-' else '−') + size
    return '+' * (like[0] == '+') + size

def filled(source):
    "A cell with its marked numbers as recorded, and what had to change: (text, record, marker)."
    changes = []
    def fill(m):
        if m['ticks']: return m[0]
        try:
            if m['num'] is None: raise ValueError('no number before it')
            sums = PATH.sub(lambda p: f'({value(p[0])!r})', m['expr'])
            new = written(float(eval(sums, {'__builtins__': {}, 'hypot': math.hypot})), m['num'])
        except Exception as e: changes.append((m['num'], f'unknown: {e!r}', m['expr'])); return m[0]
        if new == m['num']: return m[0]
        changes.append((m['num'], new, m['expr']))
        return new + m[0][len(m['num']):]
    return MARKED.sub(fill, source), changes

def mend(path, write=False):
    "What differs in a notebook: (cell id, text, record, marker); with `write` it is put right."
    old = path.read_text(encoding='utf-8')
    nb, found = json.loads(old), []
    for c in nb['cells']:
        if c['cell_type'] != 'markdown': continue
        source, changes = filled(''.join(c['source']))
        if changes: c['source'] = source.splitlines(keepends=True)
        found += [(c['id'], *change) for change in changes]
    new = json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n'     # as nbdev_clean writes it
    if write and new != old: path.write_text(new, encoding='utf-8')
    return found

def main():
    check, bad = '--check' in sys.argv, False
    for p in sorted(NBS.glob('*.ipynb')):
        for cell, text, new, marker in mend(p, write=not check):
            print(f'{p.name} cell {cell}: {text}, recorded {new}  ({marker})')
            bad |= check or new.startswith('unknown')
    if not check: (NBS.parent/'README.md').write_text(readme.readme(NBS/'index.ipynb'), encoding='utf-8')
    sys.exit(bad)

if __name__ == '__main__': main()
