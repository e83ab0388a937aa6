/**
 * CodeMirror writes its style rules into `<style>` elements, which the page's Content-Security-Policy forbids. Here they become
 * sheets that the document adopts, which no policy is about; `style-mod` itself does so only below a shadow root.
 */
import { StyleModule } from "style-mod";

interface Adopted {
  sheet: CSSStyleSheet;
  modules: StyleModule[];
}

const ADOPTED = new WeakMap<Document | ShadowRoot, Adopted>();

/** Rules of modules that come later win, as `StyleModule.mount` promises. */
function adopt(root: Document | ShadowRoot, asked: StyleModule | readonly StyleModule[]): void {
  const adopted = ADOPTED.get(root) ?? begin(root);
  const before = adopted.modules;
  const modules = inOrder(before, "getRules" in asked ? [asked] : asked);
  if (modules.length === before.length && modules.every((each, at) => each === before[at])) return;
  adopted.modules = modules;
  adopted.sheet.replaceSync(modules.map((each) => each.getRules()).join("\n"));
}

function begin(root: Document | ShadowRoot): Adopted {
  const adopted = { sheet: new CSSStyleSheet(), modules: [] };
  ADOPTED.set(root, adopted);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, adopted.sheet];
  return adopted;
}

/** Those that are there stay where they are, unless they are asked for in another order. */
function inOrder(before: readonly StyleModule[], asked: readonly StyleModule[]): StyleModule[] {
  const modules = [...before];
  let place = 0;
  for (const each of asked) {
    let index = modules.indexOf(each);
    if (index >= 0 && index < place) {
      modules.splice(index, 1);
      place -= 1;
      index = -1;
    }
    if (index < 0) modules.splice(place, 0, each);
    else place = index;
    place += 1;
  }
  return modules;
}

// jsdom adopts nothing, and has no policy.
if ("adoptedStyleSheets" in Document.prototype) StyleModule.mount = adopt;
