import { defineConfig } from "vitepress";
import { cases } from "./cases.ts";
import { changes } from "./changes.ts";
import { copyLinked, linksOut } from "./links-out.ts";
import { sidebar } from "./sidebar.ts";

/** A table of entries, one of them marked. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Cpath fill='%233451b2' d='M1 1h6v6H1zM9 1h6v6H9zM1 9h6v6H1z'/%3E" +
  "%3Cpath fill='%23c33' d='M9 9h6v6H9z'/%3E%3C/svg%3E";

/** The site: static files that work in any folder of any server and ask no other host for anything. */
export default defineConfig({
  title: "kvm-mmu-conformance",
  description: "What each of 27 patches to KVM's shadow MMU does, as it runs",
  base: "./",
  cleanUrls: false,
  vite: { plugins: [cases()] },
  markdown: {
    config: (md) => {
      linksOut(md);
      changes(md);
    },
  },
  head: [["link", { rel: "icon", href: ICON }]],
  // Sources and timelines of two layers need the room beside each other.
  transformPageData: ({ relativePath, frontmatter }) => {
    if (/^(patches|errata)\//.test(relativePath)) frontmatter["aside"] = false;
  },
  buildEnd: ({ outDir }) => {
    copyLinked(outDir);
  },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
    docFooter: { prev: "Before", next: "Next" },
  },
});
