"""Project pre-render hook: turn nbs/ into the pages under docs/ (git-ignored) that `_quarto.yml` renders.

`quarto render` and `smalldocs render` both run it, from the project folder, before they look for pages.
nbdev does the processing (hidden cells, documentation of exports, links of names in backticks); we add five things:
`00_data` becomes the page `data`, links between notebooks follow, links to files of the repository go to GitHub,
cells that only check are folded, and sections that are marked so get pages of their own (tools/course.py).
"""
import ast, json, multiprocessing, os, re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from execnb.nbio import dict2nb, nb2str, read_nb
from nbdev.config import get_config
from nbdev.processors import FilterDefaults, exec_show_docs

import course

OUT = Path('docs')
SHOWN = re.compile(r'^#\| *(?:exports?|code-fold)\b', re.M)          # cells that say themselves whether they fold
FENCED, DOCLINK = re.compile(r'^```.*?^```', re.M | re.S), re.compile(r'\[(`[^`\]]+`)\]\([^()\s]*\)')
OUTFILE = re.compile(r'^output-file:\s*(\S+)\s*\n', re.M)      # nbdev's name for the page, which smalldocs ignores

class Documenter(exec_show_docs):
    "nbdev runs every cell that imports anything; we run what documentation needs, and leave tests alone."
    def __call__(self, cell):
        if cell.cell_type != 'code' or not cell.get('source'): return
        d, imports = cell.directives_ or {}, (ast.Import, ast.ImportFrom)
        needed = {'export', 'exports', 'exporti', 'exec_doc'} & d.keys() or 'show_doc(' in cell.source
        if needed or all(isinstance(n, imports) for n in cell.parsed_() or []): super().__call__(cell)

def checks(node):
    "Is a statement only a check?"
    if isinstance(node, (ast.With, ast.For)): return all(map(checks, node.body))
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(node, ast.Assert) or isinstance(call, ast.Call) and ast.unparse(call.func).startswith('test_')

def folds(cell):
    "Does a cell only check: print nothing, and be made of checks by half at least?"
    if cell['cell_type'] != 'code' or cell.get('outputs') or SHOWN.search(cell['source']): return False
    try: body = ast.parse(cell['source']).body
    except SyntaxError: return False                                    # a line for the shell
    return bool(body) and 2 * sum(map(checks, body)) >= len(body)

class Pages(FilterDefaults):
    "nbdev's processing, with our `Documenter`."
    def base_procs(self): return [Documenter if p is exec_show_docs else p for p in super().base_procs()]

def process(path):
    "The processed notebook, as text."
    nb = read_nb(path)
    Pages()(nb)
    for c in filter(folds, nb.cells): c.source = f'#| code-fold: true\n#| code-summary: "Checks"\n{c.source}'
    return nb2str(nb)

def page_of(nb, rel):
    "The page path of notebook `nb`: numbers stripped, as in nbdev's own links."
    front = nb.cells[0] if nb.cells and nb.cells[0].cell_type == 'raw' else None
    m = front and OUTFILE.search(front.source)
    if m: front.source = OUTFILE.sub('', front.source)
    return rel.with_name(Path(m[1]).stem + '.ipynb') if m else rel

def relink(text, here, pages, cfg, new):
    "Mend the links of one cell on page `here`."
    def notebook(m):
        page = pages.get(Path(os.path.normpath(here.parent/m[1])))
        return f'({os.path.relpath(page, here.parent)}{m[2] or ""})' if page else m[0]
    text = text.replace(f'{cfg.doc_host}{cfg.doc_baseurl}/', '')   # links of names, absolute in nbdev
    text = FENCED.sub(lambda m: DOCLINK.sub(r'\1', m[0]), text)    # a signature is code: no links in it
    names = {page.stem for page in pages.values()}                  # `data` is the module, not the command's function
    text = re.sub(r'\[`(\w+)`\]\(cli\.html#\1\)', lambda m: f'[`{m[1]}`]({m[1]}.html)' if m[1] in names else m[0], text)
    text = re.sub(r'\]\(\.\./([\w.][^()\s]*)\)', rf']({cfg.git_url}/blob/{cfg.branch}/\1)', text)
    text = re.sub(r'(?<=\])\(([^()\s:]+\.ipynb)(#[^()\s]*)?\)', notebook, text)
    return re.sub(r'(?<=\]\()(\w+\.html#[\w.]+)(?=\))', lambda m: new.get(m[1].lower(), m[1]), text)

def apart(nb, rel, page):
    "The pages of a notebook by their paths: its own, and those of sections that have one."
    titles = course.cut_off(rel.name)
    if not titles: return {page: nb}
    parts = course.sections(nb.cells)
    whole = re.search(r'^title: *(.*)', nb.cells[0].source, re.M)[1].strip('\'"')
    def alone(name, title):
        note = f'This page is a part of [{whole}]({rel.name}), and of its notebook.'
        head = [('raw', f'---\ntitle: "{title}"\n---\n\n'), ('markdown', note)]
        return [*(dict(cell_type=kind, metadata={}, source=text) for kind, text in head), *parts[name]]
    cells = {page: parts['']} | {page.with_name(f'{n}.ipynb'): alone(n, t) for n, t in titles.items()}
    return {path: dict2nb(dict(nb, cells=some)) for path, some in cells.items()}

def moved(nb, page, path):
    "Links to what is documented on `path` instead of `page`: the old ends and the new."
    names = re.findall(r'^show_doc\(([\w.]+)', '\n'.join(c.source for c in nb.cells), re.M)
    return {f'{page.stem}.html#{n.lower()}': f'{path.stem}.html#{n.lower()}' for n in names} if path != page else {}

def put(dst, new):
    "Write bytes only if they changed, so that previews do not rebuild everything."
    dst.parent.mkdir(parents=True, exist_ok=True)
    if not dst.exists() or dst.read_bytes() != new: dst.write_bytes(new)
    return dst

def main():
    cfg = get_config()
    os.environ.update(IN_TEST='1', OMP_NUM_THREADS='1', MPLBACKEND='agg')
    src = cfg.nbs_path
    files = [p for p in sorted(src.rglob('*')) if p.is_file() and not re.search(r'(^|/)[._]', str(p.relative_to(src)))]
    books = [p for p in files if p.suffix == '.ipynb']
    fork = multiprocessing.get_context('forkserver')               # a process for each page, heavy libraries loaded
    fork.set_forkserver_preload(['torch', 'torchvision', 'transformers', 'timm', 'accelerate', 'nbdev.processors'])
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1), mp_context=fork, max_tasks_per_child=1) as pool:
        nbs = {p.relative_to(src): dict2nb(json.loads(t)) for p, t in zip(books, pool.map(process, books))}
    pages = {rel: page_of(nb, rel) for rel, nb in nbs.items()}
    made = {rel: apart(nb, rel, pages[rel]) for rel, nb in nbs.items()}
    all_ = [(rel, path, nb) for rel, parts in made.items() for path, nb in parts.items()]
    new = {k: v for rel, path, nb in all_ for k, v in moved(nb, pages[rel], path).items()}
    for rel, path, nb in all_:
        for c in nb.cells:
            if c.cell_type == 'markdown': c.source = relink(c.source, rel, pages, cfg, new)
            for o in c.get('outputs', ()):
                said = o.get('data', {}).get('text/markdown')       # documentation of an export
                if said: o['data']['text/markdown'] = relink(''.join(said), rel, pages, cfg, new)
    keep = {put(OUT/path, nb2str(nb).encode()) for _, path, nb in all_}
    keep |= {put(OUT/p.relative_to(src), p.read_bytes()) for p in files if p.suffix not in ('.ipynb', '.yml')}
    for p in OUT.rglob('*'):
        if p.is_file() and p not in keep: p.unlink()

if __name__ == '__main__': main()
