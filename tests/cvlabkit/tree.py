"""A tree of small components that need no torch: an agent that learns one number."""

from pathlib import Path

AGENT = """
from cvlabkit.core.agent import Agent


class Fitter(Agent):
    def setup(self):
        self.model = self.create.model.main()
        self.optimizer = self.create.optimizer(self.model)
        self.loss = self.create.loss()
        self.train_loader = self.create.dataset()
        self.val_loader = [3.0]

    def train_step(self, batch):
        error = self.loss(self.model(1.0), batch)
        self.optimizer.step(self.model(1.0) - batch)
        return {"loss": error}

    def validate_step(self, batch):
        return {"val_loss": self.loss(self.model(1.0), batch)}
"""
MODEL = """
from cvlabkit.component.base import Model


class Line(Model):
    def __init__(self, cfg, *, start=0.0):
        self.slope = start

    def __call__(self, x):
        return self.slope * x

    def state_dict(self):
        return {"slope": self.slope}

    def load_state_dict(self, state):
        self.slope = state["slope"]
"""
OPTIMIZER = '''
from cvlabkit.component.base import Optimizer


class Engine:
    """What the component holds: it has the methods, the component has none."""

    def __init__(self, model, lr):
        self.model, self.lr = model, lr

    def step(self, gradient):
        self.model.slope -= self.lr * gradient

    def zero_grad(self):
        pass


class Held(Optimizer):
    def __init__(self, cfg, model, *, lr):
        self.engine = Engine(model, lr)
'''
LOSS = """
from cvlabkit.component.base import Loss


class Part(Loss):
    def __call__(self, found, wanted):
        return (found - wanted) ** 2


class Scaled(Part):
    def __init__(self, cfg, *, scale=1.0):
        self.scale = scale

    def __call__(self, found, wanted):
        return self.scale * super().__call__(found, wanted)
"""
DATASET = """
from cvlabkit.component.base import Dataset


class Numbers(Dataset):
    def __init__(self, cfg, *, values):
        self.values = list(values)
"""
TRANSFORM = """
from cvlabkit.component.base import Transform


class {name}(Transform):
    def __init__(self, cfg, *, amount=1):
        self.amount = amount

    def __call__(self, x):
        return x {sign} self.amount
"""
COMPOSE = """
from cvlabkit.component.base import Transform


class Compose(Transform):
    def __init__(self, cfg, parts):
        self.parts = parts

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x
"""
FILES = {
    "agent/fitter.py": AGENT,
    "component/model/line.py": MODEL,
    "component/optimizer/held.py": OPTIMIZER,
    "component/loss/scaled.py": LOSS,
    "component/dataset/numbers.py": DATASET,
    "component/transform/add.py": TRANSFORM.format(name="Add", sign="+"),
    "component/transform/times.py": TRANSFORM.format(name="Times", sign="*"),
    "component/transform/compose.py": COMPOSE,
}
CONFIG = """\
project: lines
run_name: first
agent: fitter
model: {main: line(start=0.5)}
optimizer: held
loss: scaled(scale=2)
dataset: numbers(values=[3.0, 3.0])
lr: 0.1
epochs: 4
"""


def write_tree(root: Path, config: str = CONFIG) -> Path:
    """A folder that holds `cvlabkit` and a config; the config."""
    for name, text in FILES.items():
        path = root / "cvlabkit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "config.yaml").write_text(config)
    return root / "config.yaml"
