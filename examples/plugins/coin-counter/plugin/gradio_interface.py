"""The page: a photograph in, the photograph with the found coins out."""

import json
import os

import gradio as gr

from plugin.coins import draw_coins, find_coins

params = json.loads(os.environ.get("PLUGIN_PARAMS", "{}"))


def count_coins(image, min_diameter):
    if image is None:
        raise gr.Error("Upload a photograph first.")
    coins = find_coins(image, min_diameter)
    return draw_coins(image, coins), f"{len(coins)} coins"


demo = gr.Interface(
    fn=count_coins,
    inputs=[
        gr.Image(type="numpy", label="Photograph"),
        gr.Slider(5, 200, value=params.get("min_diameter", 20), step=1, label="Smallest diameter, in pixels"),
    ],
    outputs=[gr.Image(label="Found"), gr.Text(label="Count")],
    title="Coin counter",
    flagging_mode="never",
)

if __name__ == "__main__":
    demo.launch(server_name="0.0.0.0", server_port=7860)  # noqa: S104 - the container's own network.
