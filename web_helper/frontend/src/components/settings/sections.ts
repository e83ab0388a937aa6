export const SECTIONS = ["profile", "tokens", "members", "users", "storages", "agents"] as const;
export type Section = (typeof SECTIONS)[number];

export function isSection(name: string): name is Section {
  return SECTIONS.some((section) => section === name);
}
