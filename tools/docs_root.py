"""Project post-render hook: finish the pages that quarto or smalldocs wrote.

- The site's root leads to its home page (quarto does so itself, smalldocs does not).
- Formulas are set by the KaTeX in `tools/katex`, and text in the reader's own fonts: a page asks nobody else.
- Every page gets the map, and links for the words and papers that it mentions (tools/course.py).
- Parts of a page that only look like something are told to those who listen: landmarks get names, icons step back.
"""
import os, re, shutil
from pathlib import Path

import course

SITE = Path(os.environ.get('QUARTO_PROJECT_OUTPUT_DIR', '_docs'))
KATEX = re.compile(r'https://cdn\.jsdelivr\.net/npm/katex@[\d.]+/dist/')
FONTS = re.compile(r'@import\s*(?:url\()?["\']?https://fonts\.googleapis\.com[^"\')]*["\']?\)?;')
NAMED = {                                                            # what a screen reader says of each part
    '<nav class="navbar ': '<nav aria-label="Site" class="navbar ',
    '<nav class="quarto-secondary-nav"': '<nav aria-label="Where you are" class="quarto-secondary-nav"',
    '<nav id="quarto-sidebar"': '<nav aria-label="Chapters" id="quarto-sidebar"',
    '<nav id="TOC"': '<nav aria-label="On this page" id="TOC"',
    '<nav class="page-navigation"': '<nav aria-label="Previous and next page" class="page-navigation"',
    'quarto-title-breadcrumbs d-none d-lg-block" aria-label="breadcrumb"':
        'quarto-title-breadcrumbs d-none d-lg-block" aria-label="Path to this page"',
    '<i class="bi bi-github" role="img"></i>': '<i class="bi bi-github" aria-hidden="true"></i>',
}

def finish(page, words):
    "Mend one HTML file; `words` are what pages link."
    was = text = page.read_text(encoding='utf-8')
    up = '../' * (len(page.relative_to(SITE).parts) - 1)
    text = KATEX.sub(f'{up}site_libs/katex/', text)
    for old, new in NAMED.items(): text = text.replace(old, new)
    text = text.replace('<div class="sd-table">', '<div class="sd-table" tabindex="0">')       # wide ones scroll
    text = re.sub(r'(cell-output-display")(>\s*<div class="scroll">)', r'\1 tabindex="0"\2', text)
    text = text.replace('<span class="math display"', '<span tabindex="0" class="math display"')
    text = re.sub(r' (?:integrity|crossorigin)="[^"]*"(?=[^>]*site_libs/katex)', '', text)
    if page.parent.name == 'docs': text = course.dress(text, page.stem, words)
    if text != was: page.write_text(text, encoding='utf-8')

def main():
    root = SITE/'index.html'
    if not root.exists():
        root.write_text('<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>vldistill_nb</title>\n'
                        '<meta http-equiv="refresh" content="0;URL=docs/index.html">\n'
                        '<a href="docs/index.html">vldistill_nb</a></html>\n')
    shutil.copytree(Path(__file__).parent/'katex', SITE/'site_libs'/'katex', dirs_exist_ok=True)
    bibliography = SITE/'docs'/'bibliography.html'
    words = course.vocabulary(course.entries(bibliography.read_text(encoding='utf-8')) if bibliography.exists() else {})
    for page in SITE.rglob('*.html'): finish(page, words)
    for sheet in (SITE/'site_libs').rglob('*.css'):
        text = sheet.read_text(encoding='utf-8')
        if FONTS.search(text): sheet.write_text(FONTS.sub('', text), encoding='utf-8')

if __name__ == '__main__': main()
