import type { DefaultTheme } from "vitepress";
import { errata } from "../../src/reference/errata/index.ts";
import { patches } from "../../src/reference/layers/index.ts";
import { slugOf } from "../../src/scenario/suites.ts";

const two = (number: number): string => String(number).padStart(2, "0");

/** Subject lines without their subsystem: the column is narrow. */
const short = (title: string): string => title.replace(/^KVM: (x86: |x86\/mmu: )?/, "");

export const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [
      { text: "What this is", link: "/" },
      { text: "Introduction", link: "/introduction" },
      { text: "The series at a glance", link: "/series" },
      { text: "Releases", link: "/releases" },
      { text: "Findings", link: "/findings" },
      { text: "Stepper", link: "/stepper" },
    ],
  },
  {
    text: "Patches",
    items: patches.map(({ number, title }) => ({
      text: `${two(number)} ${short(title)}`,
      link: `/patches/${slugOf(number)}`,
    })),
  },
  {
    text: "Errata",
    items: errata.map(({ id, title }) => ({ text: `${id} ${title}`, link: `/errata/${id}` })),
  },
  {
    text: "Guides",
    items: [
      { text: "Run it", link: "/guide" },
      { text: "Check your implementation", link: "/testing" },
      { text: "Check your kernel", link: "/kernel" },
      { text: "What Debian's 6.1 has", link: "/debian-6.1" },
      { text: "Recordings of kernels", link: "/trace" },
      { text: "Every interleaving", link: "/interleavings" },
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "Case format", link: "/case-format" },
      { text: "Case reference", link: "/case-reference" },
      { text: "Model", link: "/model" },
      { text: "Protocol", link: "/protocol" },
      { text: "Protocol reference", link: "/protocol-reference" },
    ],
  },
];
