from synapse_sdk.plugins.pipelines.context import PipelineContext
from synapse_sdk.plugins.pipelines.pipeline import ActionPipeline, PipelineExecutor, SchemaIncompatibleError

__all__ = ["ActionPipeline", "PipelineContext", "PipelineExecutor", "SchemaIncompatibleError"]
