"""A hook of the site: the documents of the repository's root are pages, their links made to fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
# Documents of the root, and their names on the site.
ROOT_PAGES = {
    name: f"{name.removesuffix('.md').lower()}.md"
    for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents of the root."""
    from mkdocs.structure.files import File

    for source, page in ROOT_PAGES.items():
        text = (ROOT / source).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=_with_page_names(text, "")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let a page's links to the root lead to the pages of the site."""
    to_root = "../" * (page.file.src_uri.count("/") + 1)
    return _with_page_names(markdown, to_root)


def _with_page_names(text: str, to_root: str) -> str:
    """Return the text with links to documents of the root as links to pages.

    Args:
        to_root: The part of a link that leads from the text's folder to the root.
    """
    to_pages = to_root.removesuffix("../")
    for source, page in ROOT_PAGES.items():
        text = text.replace(f"]({to_root}{source}", f"]({to_pages}{page}")
    return text
