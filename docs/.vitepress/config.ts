import { defineConfig } from "vitepress";
import { copyLinked, linksOut } from "./links-out.ts";
import { sidebar } from "./sidebar.ts";

/** The site: static files that work in any folder of any server and ask no other host for anything. */
export default defineConfig({
  title: "kvm-mmu-conformance",
  description: "What each of 27 patches to KVM's shadow MMU does, as it runs",
  base: "./",
  cleanUrls: false,
  markdown: { config: linksOut },
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
