"""Write README.md from nbs/index.ipynb; with `--check`, only say whether it is up to date.

`nbdev_readme` does this through quarto, which pip cannot install; the page is plain Markdown, so copying its cells
is enough. Links are written in the notebook as seen from nbs/ and mended here for a file at the root.
"""
import json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTE = '<!-- Made from nbs/index.ipynb by tools/readme.py: edit the notebook. -->'

def text(t): return t if isinstance(t, str) else ''.join(t)

def fence(s, lang=''): return f'```{lang}\n{s.rstrip()}\n```'

def outputs(cell):
    "The stored outputs of a code cell, as Markdown."
    for o in cell['outputs']:
        data = o.get('data', {})
        if o['output_type'] == 'stream': yield fence(text(o['text']), 'text')
        elif 'text/markdown' in data: yield text(data['text/markdown'])
        elif 'image/png' in data: sys.exit('index.ipynb stores a picture: save it in nbs/images and link it instead')
        elif 'text/plain' in data: yield fence(text(data['text/plain']), 'text')

def relink(s):
    "From nbs/ to the root: `(00_data.ipynb)` becomes `(nbs/00_data.ipynb)`, `(../LICENSE)` becomes `(LICENSE)`."
    s = re.sub(r'(\]\(|src=")(?=images/|[\w.-]+\.ipynb)', r'\1nbs/', s)
    return re.sub(r'(\]\(|src=")\.\./', r'\1', s)

def readme(path):
    "The README's text."
    parts = []
    for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
        src = text(c['source'])
        flags = re.findall(r'^#\|\s*(.+?)\s*$', src, re.M) if c['cell_type'] == 'code' else []
        if c['cell_type'] == 'raw' or 'hide' in flags or 'include: false' in flags: continue
        if c['cell_type'] == 'markdown': parts.append(relink(src)); continue
        code = re.sub(r'^#\|.*\n?', '', src, flags=re.M)
        if code.strip() and 'echo: false' not in flags: parts.append(fence(code, 'python'))
        if 'output: false' not in flags: parts += outputs(c)
    return '\n\n'.join([NOTE, *(p.strip() for p in parts)]) + '\n'

if __name__ == '__main__':
    new, dst = readme(ROOT/'nbs'/'index.ipynb'), ROOT/'README.md'
    if '--check' in sys.argv:
        same = dst.exists() and dst.read_text(encoding='utf-8') == new
        sys.exit(None if same else 'README.md is out of date: run python tools/readme.py')
    dst.write_text(new, encoding='utf-8')
