"""Templates and static files of the pages, read once from the package."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from typing import Any, final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import mercer

_MEDIA = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file."""

    content: bytes
    media_type: str
    tag: str  # a hash of the content, so that a browser may keep it for ever


@final
class Templates:
    """Templates and assets of the package."""

    def __init__(self) -> None:
        self.assets: Mapping[str, Asset] = _read_assets()
        self._environment = Environment(
            loader=PackageLoader("mercer.serve", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = self._asset_url
        self._environment.globals["version"] = mercer.__version__
        self._environment.filters["thousands"] = lambda n: f"{n:,}"
        self._environment.filters["code"] = _code

    def _asset_url(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].tag}"

    def render(self, template: str, **values: Any) -> str:
        """A page or a part of one as HTML."""
        return self._environment.get_template(template).render(**values)


def _read_assets() -> Mapping[str, Asset]:
    assets = {}
    for file in resources.files("mercer.serve").joinpath("static").iterdir():
        media_type = _MEDIA.get(file.name.rpartition(".")[2])
        if media_type:
            content = file.read_bytes()
            tag = blake2b(content, digest_size=6).hexdigest()
            assets[file.name] = Asset(content, media_type, tag)
    return assets


def _code(text: str) -> Markup:
    """Text in which `backticks` become code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup().join(
        Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts)
    )


TEMPLATES = Templates()
