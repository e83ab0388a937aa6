/** Light or dark: as the person chose, else as the system says. */
const STORED = "synapse-theme";
const systemIsDark = () => globalThis.matchMedia("(prefers-color-scheme: dark)").matches;

export function isDark(): boolean {
  const stored = localStorage.getItem(STORED);
  return stored === null ? systemIsDark() : stored === "dark";
}

export function showTheme(): void {
  document.documentElement.classList.toggle("dark", isDark());
}

export function switchTheme(): void {
  localStorage.setItem(STORED, isDark() ? "light" : "dark");
  showTheme();
}
