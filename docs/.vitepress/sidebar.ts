import type { DefaultTheme } from "vitepress";
export const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [{ text: "What this is", link: "/" }],
  },
  {
    text: "Guides",
    items: [
      { text: "Testing an implementation", link: "/testing" },
      { text: "Recordings of kernels", link: "/trace" },
      { text: "Every interleaving", link: "/interleavings" },
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "Case format", link: "/case-format" },
      { text: "Model", link: "/model" },
      { text: "Protocol", link: "/protocol" },
      { text: "Protocol reference", link: "/protocol-reference" },
    ],
  },
];
