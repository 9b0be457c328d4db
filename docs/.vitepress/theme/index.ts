import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import "./style.css";

/** The theme of VitePress with the fonts of the reader's system. */
export default { extends: DefaultTheme } satisfies Theme;
