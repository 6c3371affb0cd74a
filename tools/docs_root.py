"""Project post-render hook: send the site's root to its home page (quarto does so itself, smalldocs does not)."""
import os
from pathlib import Path

root = Path(os.environ.get('QUARTO_PROJECT_OUTPUT_DIR', '_docs'))/'index.html'
if not root.exists():
    root.write_text('<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>vldistill_nb</title>\n'
                    '<meta http-equiv="refresh" content="0;URL=docs/index.html">\n'
                    '<a href="docs/index.html">vldistill_nb</a></html>\n')
