from synapse_sdk.plugins.pipelines.pipeline import ActionPipeline, PipelineContext, SchemaIncompatibleError

__all__ = ["ActionPipeline", "PipelineContext", "SchemaIncompatibleError"]
