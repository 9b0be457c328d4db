import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import Stepper from "./stepper/Stepper.vue";
import "./style.css";

/** The theme of VitePress with the fonts of the reader's system. */
export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component("Stepper", Stepper);
  },
} satisfies Theme;
