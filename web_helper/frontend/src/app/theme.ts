/** Light or dark: as the person chose, else as the system says. */
const STORED = "synapse-theme";
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const darkSystem = () => globalThis.matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function isDark(): boolean {
  const theme = chosenTheme();
  return theme === "system" ? darkSystem().matches : theme === "dark";
}

function showTheme(): void {
  document.documentElement.classList.toggle("dark", isDark());
}

/** Show the theme, now and whenever the system or another tab changes it. */
export function followTheme(): void {
  showTheme();
  darkSystem().addEventListener("change", showTheme);
  globalThis.addEventListener("storage", showTheme);
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, theme);
  showTheme();
}

export function switchTheme(): void {
  chooseTheme(isDark() ? "light" : "dark");
}
