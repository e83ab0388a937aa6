"""Models that behave, and models that do not."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from fastapi import FastAPI

from synapse_sdk.plugins.actions.inference import BaseServeDeployment, batch

SECRET = "syn_abcdefghijklmnop"


class Served(BaseServeDeployment):
    async def _get_model(self, model_info):
        return model_info

    async def infer(self, **inputs):
        return {"pid": os.getpid(), **inputs}


class Echo(Served):
    """Answers what it was asked."""


class EchoAgain(Served):
    async def infer(self, **inputs):
        return {"pid": os.getpid(), "version": 2, **inputs}


class Worker(Served):
    """Works as long as it is told, blocking its loop or not; with a gate, until that file is there."""

    async def infer(self, block=0.0, gate=""):
        if gate:
            Path(f"{gate}.reached").touch()
            while not Path(gate).exists():
                await asyncio.sleep(0.02)
        time.sleep(block)
        return {"pid": os.getpid()}


class Ending(Served):
    """Ends in whatever way it is told."""

    def __init__(self, backend_url=""):
        super().__init__(backend_url)
        self.kept = []

    async def infer(self, how="", amount=0):
        if how == "exit":
            sys.exit(0)
        if how == "kill":
            os._exit(3)
        if how == "raise":
            raise ValueError(f"no such thing; token {SECRET} and https://host/file?X-Amz-Signature=abc")
        if how == "print":
            for _ in range(amount):
                print("x" * 1023)
        if how == "allocate":
            self.kept.append(bytearray(amount))
        if how == "fork":
            code = "import time; time.sleep(600)"
            children = [
                subprocess.Popen([sys.executable, "-c", code], start_new_session=session) for session in (False, True)
            ]
            return [child.pid for child in children]
        return os.getpid()


class Environment(Served):
    async def infer(self):
        return dict(os.environ)


class Arrays(Served):
    """Makes arrays as a model of images does, and counts the pages that they cost."""

    async def infer(self):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        arrays = [b"x" * (4 * 2**20) for _ in range(8)]
        del arrays
        return {"pages": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before}


class Multiplexed(Served):
    loads = 0
    max_models = 2

    async def _get_model(self, model_info):
        type(self).loads += 1
        await asyncio.sleep(0.05)
        return Path(model_info["path"], "weights.txt").read_text()

    async def infer(self):
        return {"answer": await self.get_model(), "loads": self.loads, "loaded": len(self._models)}


class Batched(Served):
    @batch(max_batch_size=4, batch_wait_timeout_s=3.0)
    async def together(self, items):
        return [(item, len(items)) if item >= 0 else ValueError("negative") for item in items]

    async def infer(self, value):
        return await self.together(value)


class BrokenConstructor(Served):
    def __init__(self, backend_url=""):
        super().__init__(backend_url)
        raise RuntimeError(f"no weights at https://host/weights?signature=abc for {SECRET}")


class CrashesAtStart(Served):
    def __init__(self, backend_url=""):
        os._exit(7)


class SlowStart(Served):
    def __init__(self, backend_url=""):
        super().__init__(backend_url)
        time.sleep(600)


class Greedy(Served):
    def __init__(self, backend_url=""):
        super().__init__(backend_url)
        self.memory = bytearray(400 * 2**20)
        time.sleep(600)


class Sickly(Served):
    is_well = True

    def check_health(self):
        if not self.is_well:
            raise RuntimeError("the device is lost")

    async def infer(self):
        type(self).is_well = False
        return os.getpid()


class NotServed:
    pass


app = FastAPI()


class Routed(Served):
    app = app

    @app.post("/")
    async def infer(self, body: dict[str, int]) -> dict[str, int]:
        return {"sum": sum(body.values()), "pid": os.getpid()}

    @app.get("/labels")
    async def labels(self) -> list[str]:
        return ["cat", "dog"]
