// Files that hang on a message: pictures as pictures, the rest as a row with name and size.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { safeSource } from "./elements.js";

export function fileNodes(files) {
  if (!files?.length) return null;
  return h("div.files", null, files.map(fileNode));
}

function fileNode(file) {
  const source = safeSource(file.page_url ?? file.permalink_public ?? file.permalink ?? file.url_private);
  if (file.mimetype?.startsWith("image/") && source) {
    return h(
      "figure.image",
      null,
      h("figcaption", null, file.title ?? file.name),
      h("img", { src: source, alt: file.alt_txt ?? file.title ?? file.name ?? "" }),
    );
  }
  const inner = [
    h("span.file-face", null, icon("file", 22)),
    h(
      "span.file-words",
      null,
      h("span.file-name", null, file.title || file.name || file.id),
      h("span.file-kind", null, kindOf(file)),
    ),
  ];
  return source
    ? h("a.file", { href: source, target: "_blank", rel: "noopener", download: file.name ?? "" }, inner)
    : h("div.file", null, inner);
}

function kindOf(file) {
  const kind = file.pretty_type ?? file.filetype?.toUpperCase() ?? file.mimetype ?? "File";
  return file.size === undefined ? kind : `${kind} · ${sizeOf(file.size)}`;
}

export function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
