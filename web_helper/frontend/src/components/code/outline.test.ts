import { expect, test } from "vitest";
import { outlineOf } from "@/components/code/outline";

test("classes, methods and functions are found with their lines and depth, decorated and asynchronous too", () => {
  const code = `import x

@register
class Net(Model):
    """class Fake: pass"""

    async def forward(self):
        def inner(): ...

def build(): return Net()
`;

  expect(outlineOf(code)).toEqual([
    { kind: "class", name: "Net", line: 4, depth: 0 },
    { kind: "function", name: "forward", line: 7, depth: 1 },
    { kind: "function", name: "inner", line: 8, depth: 2 },
    { kind: "function", name: "build", line: 10, depth: 0 },
  ]);
});

test("code that is broken has the outline of what can be read", () => {
  expect(outlineOf("def fine():\n    pass\n\nclass (((\n").map((entry) => entry.name)).toEqual(["fine"]);
  expect(outlineOf("")).toEqual([]);
});
